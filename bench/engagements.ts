/**
 * `npm run bench:engagements`: opens of emails that were settled long ago, applied per second through the inbox, as the receiver
 * hands them to it; 20,000 opens of 10,000 emails.
 * `npm run bench:engagements -- 4000` takes another number of opens.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { pino } from 'pino'
import type { ReceivedEvent } from '../src/domain/events.ts'
import { createTemporalClient } from '../src/temporal/connection.ts'
import { installTemporalRuntime } from '../src/temporal/worker.ts'
import { startAftersendLives } from './aftersend-workflows.ts'
import { benchEvent } from './bench-event.ts'
import { addressOf, fill } from './bulk.ts'
import { atOnce, machine, revision, verdict } from './machine.ts'
import { cpuMsOf, cpuMsOfServer } from './roles.ts'
import { benchPostgres, benchTemporal } from './servers.ts'

const opens = Number(process.argv[2] ?? 20_000)
const opensPerEmail = 2
const emails = Math.ceil(opens / opensPerEmail)
/** bench/bulk.ts stores as many with each email. */
const eventsPerEmail = 4
/** As many requests as a provider has under way. */
const requestsAtOnce = 300
const goalPerSecond = 5_000

/** Those of one email do not follow each other: people open when they like. */
const openOf = (nth: number): ReceivedEvent => {
  const emailId = `old_${nth % emails}`
  const address = addressOf(nth % emails)
  return {
    ...benchEvent('opened', emailId),
    ...{ id: `${emailId}/open-${nth}`, human: true, to: [address], recipient: address },
  }
}

async function untilApplied(client: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ pending: number }>(
      'SELECT count(*)::int AS pending FROM events WHERE applied_at IS NULL AND quarantined_reason IS NULL',
    )
    if (rows[0]?.pending === 0) return
    await sleep(100)
  }
}

async function countOpens(client: pg.Client): Promise<{ events: number; counted: number; lastAppliedAt: Date }> {
  const { rows } = await client.query<{ events: number; counted: number; last: Date }>(
    `SELECT (SELECT sum(opens_total)::int FROM emails) AS counted, count(*)::int AS events, max(applied_at) AS last
     FROM events WHERE event_id LIKE '%/open-%'`,
  )
  const { events = 0, counted = 0, last = new Date(0) } = rows[0] ?? {}
  return { events, counted, lastAppliedAt: last }
}

installTemporalRuntime(pino({ level: 'silent' }))
const [postgres, temporal] = [await benchPostgres(), await benchTemporal()]
await fill(postgres.url, emails * eventsPerEmail)
const client = new pg.Client({ connectionString: postgres.url })
await client.connect()
const target = { address: temporal.address, namespace: 'default', security: {} }
const temporalClient = createTemporalClient(target)
const aftersend = await startAftersendLives(target, temporalClient, postgres.url)

const cpuMs = () => ({ ours: cpuMsOf(['self']), postgres: cpuMsOfServer(postgres.pid) })
const [cpuBefore, startedAt] = [cpuMs(), Date.now()]
const all = Array.from({ length: opens }, (_, nth) => nth)
await atOnce(requestsAtOnce, all, async (nth) => void (await aftersend.inbox.append([openOf(nth)])))
const acknowledgedAfterMs = Date.now() - startedAt
await untilApplied(client)
const cpuAfter = cpuMs()
const { events, counted, lastAppliedAt } = await countOpens(client)
const perSecond = (opens / (lastAppliedAt.getTime() - startedAt)) * 1_000

console.log(`\n${machine()}, ${revision()}; ${opens} opens of ${emails} settled emails, on ${temporal.name}\n`)
console.log(`acknowledged: ${Math.round((opens / acknowledgedAfterMs) * 1_000)} a second`)
console.log(
  `applied: ${Math.round(perSecond)} a second (goal ${goalPerSecond}: ${verdict(perSecond >= goalPerSecond)})`,
)
const cpuOf = (name: keyof typeof cpuBefore) => ((cpuAfter[name] - cpuBefore[name]) / opens).toFixed(3)
console.log(`CPU an open: ${cpuOf('ours')} ms of inbox, client and worker, ${cpuOf('postgres')} ms of PostgreSQL`)
const isExact = events === opens && counted === opens
console.log(`sent ${opens}, stored ${events}, counted ${counted} (goal: as many: ${verdict(isExact)})`)
await aftersend.stop()
await temporalClient.connection.close()
await client.end()
await temporal.stop()
await postgres.stop()
process.exit(isExact ? 0 : 1)
