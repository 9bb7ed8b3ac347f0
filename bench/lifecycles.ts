/**
 * `npm run bench:lifecycles`: lives of three events (queued, sent, delivered) per second, from the inbox to the applied row,
 * against the smallest workflow that does one signal and one no-op local activity per event, on the same durable server.
 * Spaced: every email's next event is sent when its last one is applied. Backlog: all events at once.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Client } from '@temporalio/client'
import { Worker } from '@temporalio/worker'
import pg from 'pg'
import { pino } from 'pino'
import { createActivities } from '../src/activities/create-activities.ts'
import { readConfig } from '../src/config.ts'
import { createDatabase } from '../src/db/database.ts'
import { readInboxFigures } from '../src/db/events.ts'
import type { ReceivedEvent } from '../src/domain/events.ts'
import { createInbox } from '../src/inbox/create-inbox.ts'
import { createMetrics } from '../src/metrics.ts'
import { createLogChannel } from '../src/notify/channels.ts'
import { connectWorker, createTemporalClient } from '../src/temporal/connection.ts'
import { workflowIdOf } from '../src/temporal/lives.ts'
import { createTemporalLives } from '../src/temporal/temporal-lives.ts'
import { createLifecycleWorker, installTemporalRuntime } from '../src/temporal/worker.ts'
import { machine, median, revision, verdict } from './machine.ts'
import { benchPostgres, benchTemporal } from './servers.ts'
import { happened, type smallestWorkflow } from './smallest-workflow.ts'

const rounds = 3
const emails = 300
const types = ['queued', 'sent', 'delivered']
const concurrency = 32

type Mode = 'spaced' | 'backlog'

const log = pino({ level: 'silent' })
installTemporalRuntime(log)
const [postgres, temporal] = await Promise.all([benchPostgres(), benchTemporal()])
const target = { address: temporal.address, namespace: 'default', security: {} }
const client = createTemporalClient(target)

/** Runs `work` for every item, so many at once. */
async function each<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
    }),
  )
}

const perSecond = async (work: () => Promise<void>): Promise<number> => {
  const startedAt = performance.now()
  await work()
  return emails / ((performance.now() - startedAt) / 1_000)
}

/** The reference: whoever sends an event waits for nothing but Temporal's word that it has it. */
async function reference(temporalClient: Client) {
  const connection = await connectWorker(target)
  const taskQueue = `bench-${randomUUID()}`
  let done = 0
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('smallest-workflow.ts', import.meta.url)),
    activities: {
      async noOp() {
        done += 1
      },
    },
    maxCachedWorkflows: 1_000,
    maxConcurrentLocalActivityExecutions: 50,
  })
  const running = worker.run()
  const signal = (id: string, type: string) =>
    temporalClient.workflow.signalWithStart<typeof smallestWorkflow, [string]>('smallestWorkflow', {
      workflowId: id,
      taskQueue,
      args: [types.length],
      signal: happened,
      signalArgs: [type],
    })
  const whenDone = async (count: number) => {
    while (done < count) await sleep(5)
  }
  return {
    run: (mode: Mode) =>
      perSecond(async () => {
        done = 0
        const ids = Array.from({ length: emails }, () => `reference-${randomUUID()}`)
        const sends = types.map((type) => ids.map((id) => ({ id, type })))
        if (mode === 'backlog')
          await each(sends.flat(), concurrency, async ({ id, type }) => void (await signal(id, type)))
        else
          for (const [index, sameType] of sends.entries()) {
            await each(sameType, concurrency, async ({ id, type }) => void (await signal(id, type)))
            await whenDone((index + 1) * emails)
          }
        await whenDone(emails * types.length)
      }),
    async stop() {
      worker.shutdown()
      await running
      await connection.close()
    },
  }
}

async function aftersend(temporalClient: Client) {
  const db = createDatabase({ url: postgres.url, poolSize: 20 })
  const metrics = createMetrics(() => readInboxFigures(db))
  const taskQueue = `bench-${randomUUID()}`
  const { policy } = readConfig({})
  const lives = createTemporalLives({ client: temporalClient, taskQueue, policy })
  const activities = createActivities({ db, channels: [createLogChannel(log)], providerApis: new Map(), metrics })
  const connection = await connectWorker(target)
  const worker = await createLifecycleWorker({ connection, namespace: 'default', taskQueue, activities })
  const running = worker.run()
  const inbox = createInbox({ db, lives, metrics, log })
  const whenApplied = async () => {
    while ((await readInboxFigures(db)).pending > 0) await sleep(5)
  }
  let lastIds: string[] = []
  return {
    run: (mode: Mode) =>
      perSecond(async () => {
        lastIds = Array.from({ length: emails }, () => `bench-${randomUUID()}`)
        const sends = types.map((type) => lastIds.map((id) => eventOf(id, type)))
        if (mode === 'backlog')
          await each(sends.flat(), emails * types.length, async (event) => void (await inbox.append([event])))
        else
          for (const sameType of sends) {
            await each(sameType, concurrency, async (event) => void (await inbox.append([event])))
            await whenApplied()
          }
        await whenApplied()
      }),
    lastIds: () => lastIds,
    async stop() {
      await inbox.close()
      worker.shutdown()
      await running
      await connection.close()
      await db.$disconnect()
    },
  }
}

function eventOf(emailId: string, type: string): ReceivedEvent {
  const now = Date.now()
  return {
    provider: 'aisend',
    emailId,
    id: `${emailId}/${type}`,
    type,
    occurredAt: now,
    receivedAt: now,
    to: [`${emailId}@example.com`],
    recipient: `${emailId}@example.com`,
    subject: null,
    bounce: null,
    human: false,
    payload: '{}',
  }
}

/** History events per email, all and without timers and search attributes, and saves (local-activity markers). */
async function histories(ids: readonly string[]) {
  const counted = { all: 0, core: 0, saves: 0 }
  const sample = ids.slice(0, 50)
  await each(sample, 10, async (emailId) => {
    const { events = [] } = await client.workflow
      .getHandle(workflowIdOf({ provider: 'aisend', emailId }))
      .fetchHistory()
    const kinds = (events ?? []).map((event) => Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '')
    counted.all += kinds.length
    counted.core += kinds.filter((kind) => !/^timer|^upsert/.test(kind)).length
    counted.saves += kinds.filter((kind) => kind.startsWith('marker')).length
  })
  return { all: counted.all / sample.length, core: counted.core / sample.length, saves: counted.saves / sample.length }
}

/** Statements sent to PostgreSQL by this process, but for the questions that the benchmark itself asks. */
let statements = 0
const send = pg.Client.prototype.query
pg.Client.prototype.query = function counted(this: pg.Client, ...args: unknown[]) {
  const [config] = args
  const text = typeof config === 'string' ? config : String((config as { text?: string } | undefined)?.text)
  if (!text.includes('waiting.pending')) statements += 1
  return Reflect.apply(send, this, args)
} as typeof send

const smallest = await reference(client)
const ours = await aftersend(client)
await Promise.all([smallest.run('backlog'), ours.run('backlog')])
const results: Record<Mode, { ratio: number; ours: number; reference: number }[]> = { spaced: [], backlog: [] }
let spacedStatements = 0
const history: Partial<Record<Mode, Awaited<ReturnType<typeof histories>>>> = {}
for (const mode of ['spaced', 'backlog'] as const) {
  statements = 0
  for (let round = 0; round < rounds; round++) {
    const figures = { reference: await smallest.run(mode), ours: await ours.run(mode) }
    results[mode].push({ ...figures, ratio: figures.ours / figures.reference })
  }
  if (mode === 'spaced') spacedStatements = statements
  history[mode] = await histories(ours.lastIds())
}

const perBatch = spacedStatements / (rounds * emails * (history.spaced?.saves ?? Number.NaN))

console.log(`\n${machine()}, ${revision()}; ${emails} emails of ${types.length} events, medians of ${rounds} rounds\n`)
console.table(
  Object.fromEntries(
    Object.entries(results).map(([mode, figures]) => [
      mode,
      {
        'reference, lives/s': Math.round(median(figures.map((figure) => figure.reference))),
        'Aftersend, lives/s': Math.round(median(figures.map((figure) => figure.ours))),
        ratio: Number(median(figures.map((figure) => figure.ratio)).toFixed(2)),
        'history events': history[mode as Mode]?.all,
        'without timers and attributes': history[mode as Mode]?.core,
        'batches saved': history[mode as Mode]?.saves,
      },
    ]),
  ),
)
for (const mode of ['spaced', 'backlog'] as const) {
  const ratio = median(results[mode].map((figure) => figure.ratio))
  console.log(`${mode}: ${ratio.toFixed(2)} of the reference (goal 0.80: ${verdict(ratio >= 0.8)})`)
}
console.log(`history events spaced: ${history.spaced?.core} (goal 20: ${verdict((history.spaced?.core ?? 99) <= 20)})`)
console.log(
  `history events in a backlog: ${history.backlog?.core} (goal 10: ${verdict((history.backlog?.core ?? 99) <= 10)})`,
)
console.log(`SQL statements per batch: ${perBatch.toFixed(2)} (goal 2: ${verdict(perBatch <= 2)})`)

await ours.stop()
await smallest.stop()
await client.connection.close()
await Promise.all([postgres.stop(), temporal.stop()])
process.exit(0)
