import assert from 'node:assert/strict'
import { insertEvents } from '../../src/db/events.ts'
import { lifecycleEventOf } from '../../src/domain/received-event.ts'
import type { LocalTemporal } from '../../src/local/temporal.ts'
import { workflowIdOf } from '../../src/temporal/lives.ts'
import { ownTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { Living } from '../workflows/living.ts'
import { inForm } from './form.ts'

const { signals, longestHistory, dynamicConfig } = inForm({
  short: {
    signals: 400,
    // A run goes on until its loop idles or has applied what came meanwhile.
    longestHistory: 600,
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': '100' } as Record<string, string>,
  },
  // The 10,500 that a run may take at most end the worker's process: docs/reliability.md.
  long: {
    signals: 1_500,
    longestHistory: 2_000,
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': '500' } as Record<string, string>,
  },
})

describe('faults: one email without end', function () {
  this.timeout(400_000)
  let temporal: LocalTemporal
  let living: Living
  before(async () => {
    temporal = await ownTemporal({ dynamicConfig })
    living = await Living.begin({ temporalAddress: temporal.address })
  })
  after(async () => {
    await living.end()
    await temporal.stop()
  })

  it(`takes ${signals} signals of one event each, in runs of no more than ${longestHistory} history events`, async () => {
    const email = living.email()
    const opens = Array.from({ length: signals }, () => email.event('opened', { human: true }))
    for (let start = 0; start < signals; start += 1_000)
      await insertEvents(living.db, opens.slice(start, start + 1_000))
    const startedAt = performance.now()
    const queue = [...opens]
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (let open = queue.pop(); open; open = queue.pop()) {
          await email.lives.signal(email, [lifecycleEventOf(open)], null)
        }
      }),
    )
    await until(async () => (await living.db.event.count({ where: { appliedAt: null } })) === 0, 120_000)
    const appliedMs = performance.now() - startedAt
    const { opensTotal } = await email.row()
    const lengths = await runLengths(living, workflowIdOf(email))
    console.log(
      `      ${signals} signals in ${(appliedMs / 1_000).toFixed(1)} s, ${lengths.length} runs of ${lengths.join(', ')} history events`,
    )
    assert.equal(opensTotal, signals)
    assert.ok(lengths.length >= 2, 'it continued as new')
    assert.ok(Math.max(...lengths) <= longestHistory)
  })
})

/** History events of each run of a workflow. */
async function runLengths({ client }: Living, workflowId: string): Promise<number[]> {
  const lengths: number[] = []
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = "${workflowId}"` })) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory()
    lengths.push(events?.length ?? 0)
  }
  return lengths
}
