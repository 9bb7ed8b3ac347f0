/**
 * `npm run bench:drain`: a backlog such as an outage of Temporal leaves, applied by one process. 100,000 events of 25,000
 * emails wait in the inbox; printed are the rate of each tenth, the memory of the process that applies them, and how long
 * events wait that come meanwhile.
 * `npm run bench:drain -- 20000` takes another number of events, BENCH_TEMPORAL_PROGRAMS a server on PostgreSQL.
 */
import { pino } from 'pino'
import { createDatabase } from '../src/db/database.ts'
import { createTemporalClient } from '../src/temporal/connection.ts'
import { installTemporalRuntime } from '../src/temporal/worker.ts'
import { startAftersendLives } from './aftersend-workflows.ts'
import { machine, median, revision, verdict } from './machine.ts'
import { cpuMsOf, cpuMsOfServer } from './roles.ts'
import { benchPostgres, benchTemporal } from './servers.ts'
import { storeBacklog } from './stored-backlog.ts'

const events = Number(process.argv[2] ?? 100_000)
const types = ['queued', 'sending', 'sent', 'delivered']
const tenths = 10
const longestTenthMs = 600_000
const newcomerEveryMs = 2_000

/** Milliseconds from receipt to application of those that came meanwhile, one each of an email of its own. */
async function readNewcomersWaits(url: string): Promise<number[]> {
  const db = createDatabase({ url, poolSize: 1 })
  const rows = await db.$queryRaw<{ ms: number }[]>`
    SELECT extract(epoch FROM applied_at - received_at)::float8 * 1000 AS ms FROM events
    WHERE email_id LIKE 'newcomer-%' AND applied_at IS NOT NULL`
  await db.$disconnect()
  return rows.map(({ ms }) => Math.round(ms))
}

const megabytes = (): number => Math.round(process.memoryUsage().rss / 2 ** 20)

async function drain({ url, pid }: { readonly url: string; readonly pid: number }): Promise<void> {
  const temporal = await benchTemporal()
  const target = { address: temporal.address, namespace: 'default', security: {} }
  const client = createTemporalClient(target)
  const cpuMs = () => ({
    'inbox, client and worker': cpuMsOf(['self']),
    PostgreSQL: cpuMsOfServer(pid),
    Temporal: temporal.pids.reduce((sum, server) => sum + cpuMsOfServer(server), 0),
  })
  const [cpuBefore, startedAt] = [cpuMs(), performance.now()]
  const ours = await startAftersendLives(target, client, url)
  const rows: { 'events/s': number; 'memory (MiB)': number }[] = []
  let before = startedAt
  let newcomers = 0
  const coming = setInterval(() => {
    newcomers += 1
    // One that is not stored is missing among those that are applied.
    ours.send([{ type: 'queued', emailId: `newcomer-${newcomers}` }], 1).catch(() => {})
  }, newcomerEveryMs).unref()
  for (let tenth = 1; tenth <= tenths; tenth++) {
    await ours.applied.whenReached((events / tenths) * tenth, longestTenthMs)
    const now = performance.now()
    rows.push({ 'events/s': Math.round((events / tenths / (now - before)) * 1_000), 'memory (MiB)': megabytes() })
    before = now
  }
  console.log(
    `\n${machine()}, ${revision()}; ${events} events of ${events / types.length} emails, on ${temporal.name}, by tenths\n`,
  )
  console.table(Object.fromEntries(rows.map((row, index) => [index + 1, row])))
  // The first tenth starts the workers and the last waits for stragglers: between them the rate is to be steady.
  const rates = rows.slice(1, -1).map((row) => row['events/s'])
  const steadiness = Math.min(...rates) / Math.max(...rates)
  console.log(`slowest tenth, of the fastest: ${steadiness.toFixed(2)} (goal 0.5: ${verdict(steadiness >= 0.5)})`)
  console.log(`whole: ${Math.round(events / ((before - startedAt) / 1_000))} events/s`)
  const cpu = Object.entries(cpuMs()).map(
    ([name, ms]) => `${name} ${((ms - cpuBefore[name as keyof typeof cpuBefore]) / events).toFixed(2)} ms`,
  )
  console.log(`CPU an event: ${cpu.join(', ')}`)
  clearInterval(coming)
  const waits = await readNewcomersWaits(url)
  console.log(
    `newcomers waited ${median(waits)} ms, at most ${Math.max(...waits)} ms (${waits.length} of ${newcomers} applied)`,
  )
  await ours.stop()
  await client.connection.close()
  await temporal.stop()
}

installTemporalRuntime(pino({ level: 'silent' }))
const postgres = await benchPostgres()
try {
  await storeBacklog(postgres.url, { events, types, idPrefix: 'drain-' })
  await drain(postgres)
} finally {
  await postgres.stop()
}
process.exit(0)
