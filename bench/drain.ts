/**
 * `npm run bench:drain`: a backlog such as an outage of Temporal leaves, applied by one process. 100,000 events of 25,000
 * emails wait in the inbox; printed are the rate of each tenth, the memory of the process that applies them, and how long
 * events wait that come meanwhile.
 * `npm run bench:drain -- 20000` takes another number of events.
 */
import { pino } from 'pino'
import { createDatabase } from '../src/db/database.ts'
import { insertEvents } from '../src/db/events.ts'
import { createTemporalClient } from '../src/temporal/connection.ts'
import { installTemporalRuntime } from '../src/temporal/worker.ts'
import { startAftersendLives } from './aftersend-lives.ts'
import { benchEvent } from './bench-event.ts'
import { machine, median, revision, verdict } from './machine.ts'
import { benchPostgres, benchTemporal } from './servers.ts'

const events = Number(process.argv[2] ?? 100_000)
const types = ['queued', 'sent', 'delivered', 'opened']
const emailsPerGroup = 250
const tenths = 10
const longestTenthMs = 600_000
const newcomerEveryMs = 2_000

/** As the receiver stores them while Temporal is away, so long ago that their leases have run out. */
async function storeBacklog(url: string): Promise<void> {
  const db = createDatabase({ url, poolSize: 1 })
  for (let stored = 0; stored < events; stored += emailsPerGroup * types.length) {
    const ids = Array.from({ length: emailsPerGroup }, (_, index) => `drain-${stored}-${index}`)
    await insertEvents(
      db,
      ids.flatMap((id) => types.map((type) => benchEvent(type, id))),
    )
  }
  await db.$executeRaw`UPDATE events SET lease_until = now() - interval '1 second'`
  await db.$disconnect()
}

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

async function drain(url: string): Promise<void> {
  const temporal = await benchTemporal()
  const target = { address: temporal.address, namespace: 'default', security: {} }
  const client = createTemporalClient(target)
  const startedAt = performance.now()
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
  console.log(`\n${machine()}, ${revision()}; ${events} events of ${events / types.length} emails, by tenths\n`)
  console.table(Object.fromEntries(rows.map((row, index) => [index + 1, row])))
  // The first tenth starts the workers and the last waits for stragglers: between them the rate is to be steady.
  const rates = rows.slice(1, -1).map((row) => row['events/s'])
  const steadiness = Math.min(...rates) / Math.max(...rates)
  console.log(`slowest tenth, of the fastest: ${steadiness.toFixed(2)} (goal 0.5: ${verdict(steadiness >= 0.5)})`)
  console.log(`whole: ${Math.round(events / ((before - startedAt) / 1_000))} events/s`)
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
  await storeBacklog(postgres.url)
  await drain(postgres.url)
} finally {
  await postgres.stop()
}
process.exit(0)
