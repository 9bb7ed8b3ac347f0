/**
 * `npm run bench:storm`: a worker that has no run in memory and is short of CPU, while events come for all of them. With so many
 * workflow tasks at once, and Temporal's default timeout of a task.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { DefaultLogger, Runtime } from '@temporalio/worker'
import { createTemporalClient } from '../src/temporal/connection.ts'
import { workflowIdOf } from '../src/temporal/email-workflows.ts'
import { startAftersendLives, type WorkerVariation } from './aftersend-workflows.ts'
import { beside } from './busy.ts'
import { machine, revision } from './machine.ts'
import { benchPostgres, benchTemporal } from './servers.ts'

const number = (name: string, fallback: number) => Number(process.env[name] ?? fallback)
const emails = number('STORM_EMAILS', 120)
/** Before the storm: queued, sending, sent. Up to 49 make a run: email-lifecycle.ts. */
const saves = number('STORM_SAVES', 3)
const rounds = number('STORM_ROUNDS', 2)
const busyProcesses = 4
const [eventsEach, everyMs] = [5, 4_000]
const waitedMs = 60_000

// What is in vain is told below; the SDK warns of each.
Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter: 'OFF' } } })
const [postgres, temporal] = [await benchPostgres(), await benchTemporal()]
const target = { address: temporal.address, namespace: 'default', security: {} }

interface Contender extends WorkerVariation {
  readonly name: string
  /** Of a workflow task, milliseconds. */
  readonly taskTimeoutMs: number
}

const atOnce = (workflowSlots: number): Contender => ({
  name: `${workflowSlots} at once, 10 s`,
  workflowSlots,
  taskTimeoutMs: 10_000,
})

const contenders: Contender[] = [4, 6, 8, 40].map(atOnce)

const clientOf = ({ taskTimeoutMs: workflowTaskTimeout }: Contender): Client =>
  createTemporalClient(target, {
    workflow: [
      {
        signalWithStart: (input, next) =>
          next({ ...input, options: { ...input.options, workflowTaskTimeout } as typeof input.options }),
      },
    ],
  })

/** A busy machine may refuse an event; a provider would send it again. */
async function untilSent(send: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await send()
    } catch {
      await sleep(100)
    }
  }
}

interface Storm {
  /** Events per second while all was in memory and cores were free. */
  readonly calmRate: number
  readonly appliedMeanwhile: number
  /** After the first event; null where that took longer than was waited. */
  readonly allAppliedMs: number | null
  /** Workflow tasks that Temporal took back. */
  readonly inVain: number
}

async function storm(taskQueue: string, contender: Contender): Promise<Storm> {
  const client = clientOf(contender)
  const start = () => startAftersendLives(target, client, postgres.url, { ...contender, taskQueue })
  const emailIds = Array.from({ length: emails }, (_, n) => `${taskQueue}-${n}`)
  const first = await start()
  const calmFrom = performance.now()
  for (let save = 0; save < saves; save += 1) {
    first.applied.reset()
    await Promise.all(emailIds.map((emailId) => untilSent(() => first.send([{ type: 'sent', emailId }], 1))))
    await first.applied.whenReached(emails)
  }
  const calmRate = (1_000 * saves * emails) / (performance.now() - calmFrom)
  await first.stop()
  const storm = await beside(busyProcesses, async () => {
    const worker = await start()
    const startedAt = performance.now()
    for (let event = 0; event < eventsEach; event += 1)
      for (const emailId of emailIds) {
        void untilSent(() => worker.send([{ type: 'sent', emailId }], 1))
        await sleep(everyMs / emails)
      }
    const appliedMeanwhile = worker.applied.count
    const allAppliedMs = await worker.applied.whenReached(emails * eventsEach, waitedMs).then(
      () => performance.now() - startedAt,
      () => null,
    )
    const inVain = await timedOutTasks(client, emailIds)
    await worker.stop()
    return { calmRate, appliedMeanwhile, allAppliedMs, inVain }
  })
  await client.connection.close()
  return storm
}

async function timedOutTasks(client: Client, emailIds: readonly string[]): Promise<number> {
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

const rows: string[] = []
for (let round = 1; round <= rounds; round += 1)
  for (const contender of contenders) {
    const { calmRate, appliedMeanwhile, allAppliedMs, inVain } = await storm(`storm-${rows.length}`, contender)
    const all = allAppliedMs === null ? 'not within a minute more' : `${(allAppliedMs / 1_000).toFixed(0)} s`
    const row = `| ${contender.name} | ${calmRate.toFixed(0)} | ${appliedMeanwhile} of ${emails * eventsEach} | ${all} | ${inVain} |`
    console.log(row)
    rows.push(row)
  }
console.log(
  `\n${machine()}, revision ${revision()}; ${emails} emails of ${saves} saves, ${busyProcesses} busy processes\n`,
)
console.log('| replays, timeout | events/s in memory | applied while events came | all applied after | in vain |')
console.log('| --- | --- | --- | --- | --- |')
console.log(rows.join('\n'))
await temporal.stop()
await postgres.stop()
