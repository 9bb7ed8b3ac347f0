import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from '@temporalio/worker'
import { startTracing } from '../../src/telemetry/start-tracing.ts'
import type { WorkerTracing } from '../../src/temporal/worker-tracing.ts'
import { workflowCode } from '../../src/temporal/workflow-code.ts'
import { kinds } from './kinds.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const recorded = readdirSync(here, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'))

describe('the workflow code', () => {
  it('has a recorded history of every kind of workflow', () => {
    for (const kind of Object.keys(kinds))
      assert.ok(
        recorded.some((name) => name.includes(`/${kind}-`)),
        `${kind} is not recorded`,
      )
  })

  const replayAll = async (tracing: WorkerTracing | null): Promise<void> => {
    const histories = recorded.map((name) => {
      const history = JSON.parse(readFileSync(`${here}${name}`, 'utf8'))
      const { workflowId } = history.events[0].workflowExecutionStartedEventAttributes
      return { workflowId, history }
    })
    let replayed = 0
    for await (const { error } of Worker.runReplayHistories(await workflowCode(tracing), histories)) {
      if (error) throw error
      replayed += 1
    }
    assert.equal(replayed, recorded.length)
  }

  it('replays every history that this version or an older one has recorded', () => replayAll(null))

  it('replays them also with tracing turned on since', async () => {
    const tracing = startTracing({ url: 'http://127.0.0.1:1', headers: {}, serviceName: 'replay', sampleRatio: 1 })
    await replayAll(tracing.worker)
  })
})
