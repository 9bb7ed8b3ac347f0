/**
 * `npm run bench:lifecycles`: lives of three events (queued, sent, delivered) per second, from the inbox to the applied row,
 * against the smallest workflow that does one signal and one no-op local activity per event, on the same durable server.
 * Spaced: every email's next event is sent when the last one of all is applied. Backlog: all events at once.
 */
import { randomUUID } from 'node:crypto'
import type { Client } from '@temporalio/client'
import pg from 'pg'
import { pino } from 'pino'
import { createTemporalClient } from '../src/temporal/connection.ts'
import { workflowIdOf } from '../src/temporal/email-workflows.ts'
import { installTemporalRuntime } from '../src/temporal/worker.ts'
import { startAftersendLives } from './aftersend-workflows.ts'
import type { Applied } from './applied.ts'
import { atOnce, machine, median, revision, verdict } from './machine.ts'
import { benchPostgres, benchTemporal } from './servers.ts'
import { startSmallestLives } from './smallest-workflows.ts'

const rounds = 5
const emails = 300
const types = ['queued', 'sent', 'delivered']

const modes = ['spaced', 'backlog'] as const
type Mode = (typeof modes)[number]

export interface SentEvent {
  readonly emailId: string
  readonly type: string
}

/** One of the two that are measured. */
export interface Contestant {
  /** Counts every event that was applied. */
  readonly applied: Applied
  /** Hands over events; resolves when they are taken, whether applied or not. */
  send(events: readonly SentEvent[], eventsPerEmail: number): Promise<void>
  stop(): Promise<void>
}

const newIds = (): string[] => Array.from({ length: emails }, () => `bench-${randomUUID()}`)

/** @returns lives per second. */
async function run({ applied, send }: Contestant, mode: Mode, ids: readonly string[]): Promise<number> {
  applied.reset()
  const byType = types.map((type) => ids.map((emailId) => ({ emailId, type })))
  const startedAt = performance.now()
  let sent = 0
  for (const events of mode === 'backlog' ? [byType.flat()] : byType) {
    await send(events, types.length)
    sent += events.length
    await applied.whenReached(sent)
  }
  return ids.length / ((performance.now() - startedAt) / 1_000)
}

/** History events per email, all and without timers and search attributes, and saves (local-activity markers). */
async function histories(client: Client, ids: readonly string[]) {
  const counted = { all: 0, core: 0, saves: 0 }
  await atOnce(10, ids, async (emailId) => {
    const { events } = await client.workflow.getHandle(workflowIdOf({ provider: 'aisend', emailId })).fetchHistory()
    const kinds = (events ?? []).map((event) => Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '')
    counted.all += kinds.length
    counted.core += kinds.filter((kind) => !/^timer|^upsert/.test(kind)).length
    counted.saves += kinds.filter((kind) => kind.startsWith('marker')).length
  })
  return { all: counted.all / ids.length, core: counted.core / ids.length, saves: counted.saves / ids.length }
}

/** Statements that this process sends to PostgreSQL. */
function countStatements(): () => number {
  let statements = 0
  const send = pg.Client.prototype.query
  pg.Client.prototype.query = function counted(this: pg.Client, ...args: unknown[]) {
    statements += 1
    return Reflect.apply(send, this, args)
  } as typeof send
  return () => statements
}

async function measure(mode: Mode, smallest: Contestant, ours: Contestant, client: Client, statements: () => number) {
  const results: { ratio: number; ours: number; reference: number }[] = []
  const before = statements()
  let lastIds: string[] = []
  for (let round = 0; round < rounds; round++) {
    lastIds = newIds()
    const figures = { reference: await run(smallest, mode, newIds()), ours: await run(ours, mode, lastIds) }
    results.push({ ...figures, ratio: figures.ours / figures.reference })
  }
  const sent = statements() - before
  const history = await histories(client, lastIds)
  return {
    reference: median(results.map((figure) => figure.reference)),
    ours: median(results.map((figure) => figure.ours)),
    ratio: median(results.map((figure) => figure.ratio)),
    history,
    statementsPerBatch: sent / (rounds * emails * history.saves),
  }
}

function report({ spaced, backlog }: Record<Mode, Awaited<ReturnType<typeof measure>>>): void {
  console.log(
    `\n${machine()}, ${revision()}; ${emails} emails of ${types.length} events, medians of ${rounds} rounds\n`,
  )
  const row = ({ reference, ours, ratio, history }: typeof spaced) => ({
    'reference, lives/s': Math.round(reference),
    'Aftersend, lives/s': Math.round(ours),
    ratio: Number(ratio.toFixed(2)),
    'history events': Number(history.all.toFixed(1)),
    'without timers and attributes': Number(history.core.toFixed(1)),
    'batches saved': Number(history.saves.toFixed(2)),
  })
  console.table({ spaced: row(spaced), backlog: row(backlog) })
  const line = (what: string, figure: number, goal: number, met: boolean) =>
    console.log(`${what}: ${figure.toFixed(2)} (goal ${goal}: ${verdict(met)})`)
  line('spaced, of the reference', spaced.ratio, 0.8, spaced.ratio >= 0.8)
  line('backlog, of the reference', backlog.ratio, 0.8, backlog.ratio >= 0.8)
  line('history events spaced', spaced.history.core, 20, spaced.history.core <= 20)
  line('history events in a backlog', backlog.history.core, 10, backlog.history.core <= 10)
  line('SQL statements per batch', spaced.statementsPerBatch, 2, spaced.statementsPerBatch <= 2)
}

/** Every event's row is there and applied: what was counted in the process is what is stored. */
async function checkStored(url: string): Promise<void> {
  const expected = (1 + modes.length * rounds) * emails * types.length
  const db = new pg.Client({ connectionString: url })
  await db.connect()
  const { rows } = await db.query<{ applied: number; stored: number }>(
    'SELECT count(applied_at)::int AS applied, count(*)::int AS stored FROM events',
  )
  await db.end()
  const { applied = 0, stored = 0 } = rows[0] ?? {}
  console.log(`events sent ${expected}, stored ${stored}, applied ${applied}`)
  if (stored !== expected || applied !== expected) throw new Error('not every event was stored and applied')
}

async function main(): Promise<void> {
  installTemporalRuntime(pino({ level: 'silent' }))
  const [postgres, temporal] = await Promise.all([benchPostgres(), benchTemporal()])
  try {
    const statements = countStatements()
    const target = { address: temporal.address, namespace: 'default', security: {} }
    const client = createTemporalClient(target)
    const smallest = await startSmallestLives(target, client)
    const ours = await startAftersendLives(target, client, postgres.url)
    await run(smallest, 'backlog', newIds())
    await run(ours, 'backlog', newIds())
    const spaced = await measure('spaced', smallest, ours, client, statements)
    report({ spaced, backlog: await measure('backlog', smallest, ours, client, statements) })
    await checkStored(postgres.url)
    await ours.stop()
    await smallest.stop()
    await client.connection.close()
  } finally {
    await temporal.stop()
    await postgres.stop()
  }
}

await main()
// The Temporal runtime keeps a process alive.
process.exit(0)
