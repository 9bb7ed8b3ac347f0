/**
 * `npm run bench:storm`: a worker that has no life in memory and is short of CPU, and all that comes is for long lives. With
 * Aftersend's slots of workflow tasks, and with the SDK's fixed number.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { DefaultLogger, Runtime } from '@temporalio/worker'
import { createTemporalClient } from '../src/temporal/connection.ts'
import { workflowIdOf } from '../src/temporal/lives.ts'
import { startAftersendLives, type WorkerVariation } from './aftersend-lives.ts'
import { beside } from './busy.ts'
import { machine, revision } from './machine.ts'
import { benchPostgres, benchTemporal } from './servers.ts'

const lives = 60
/** Nearly a longest run: email-lifecycle.ts. */
const saves = 45
const busyProcesses = 4
const [eventsEach, everyMs] = [5, 4_000]
const waitedMs = 60_000
const rounds = 2

// What is in vain is told below; the SDK warns of each.
Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter: 'OFF' } } })
const [postgres, temporal] = [await benchPostgres(), await benchTemporal()]
const target = { address: temporal.address, namespace: 'default', security: {} }
const client = createTemporalClient(target)
const start = (variation: WorkerVariation) => startAftersendLives(target, client, postgres.url, variation)

async function longLives(taskQueue: string): Promise<string[]> {
  const emailIds = Array.from({ length: lives }, (_, n) => `${taskQueue}-${n}`)
  const worker = await start({ taskQueue })
  for (let save = 0; save < saves; save += 1) {
    worker.applied.reset()
    await worker.send(
      emailIds.map((emailId) => ({ type: 'opened', emailId })),
      lives,
    )
    await worker.applied.whenReached(lives)
  }
  await worker.stop()
  return emailIds
}

interface Storm {
  readonly appliedMeanwhile: number
  /** After the first event; null where that took longer than was waited. */
  readonly allAppliedMs: number | null
  /** Workflow tasks that Temporal took back. */
  readonly inVain: number
}

async function storm(name: string, variation: WorkerVariation): Promise<Storm> {
  const emailIds = await longLives(name)
  return beside(busyProcesses, async () => {
    const worker = await start({ taskQueue: name, ...variation })
    const startedAt = performance.now()
    for (let event = 0; event < eventsEach; event += 1)
      for (const emailId of emailIds) {
        void worker.send([{ type: 'opened', emailId }], 1)
        await sleep(everyMs / lives)
      }
    const appliedMeanwhile = worker.applied.count
    const allAppliedMs = await worker.applied.whenReached(lives * eventsEach, waitedMs).then(
      () => performance.now() - startedAt,
      () => null,
    )
    const inVain = await timedOutTasks(emailIds)
    await worker.stop()
    return { appliedMeanwhile, allAppliedMs, inVain }
  })
}

async function timedOutTasks(emailIds: readonly string[]): Promise<number> {
  let count = 0
  for (const emailId of emailIds) {
    const workflowId = workflowIdOf({ provider: 'aisend', emailId })
    const { events } = await client.workflow.getHandle(workflowId).fetchHistory()
    // Those of the former worker's queue were begun by nobody: they cost their timeout, and no replay.
    count +=
      events?.filter((event) => Number(event.workflowTaskTimedOutEventAttributes?.startedEventId ?? 0) > 0).length ?? 0
  }
  return count
}

const fixed: WorkerVariation = { workflowSlots: { type: 'fixed-size', numSlots: 40 } }
const rows: string[] = []
for (let round = 1; round <= rounds; round += 1)
  for (const [name, variation] of [
    ['as many as end in time', {}],
    ['40 at once', fixed],
  ] as const) {
    const { appliedMeanwhile, allAppliedMs, inVain } = await storm(`storm-${rows.length}`, variation)
    const all = allAppliedMs === null ? 'not within a minute more' : `${(allAppliedMs / 1_000).toFixed(0)} s`
    rows.push(`| ${name} | ${appliedMeanwhile} of ${lives * eventsEach} | ${all} | ${inVain} |`)
  }
console.log(
  `\n${machine()}, revision ${revision()}; ${lives} lives of ${saves} saves, ${busyProcesses} busy processes\n`,
)
console.log('| replays | applied while events came | all applied after | replays in vain |\n| --- | --- | --- | --- |')
console.log(rows.join('\n'))
await client.connection.close()
await temporal.stop()
await postgres.stop()
