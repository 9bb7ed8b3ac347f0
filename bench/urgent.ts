/**
 * `npm run bench:urgent`: how long a critical bounce waits behind 100,000 events of bulk email, until it is applied and until
 * the team is notified, on a channel that takes notices at once. Twenty bounces, one every three seconds.
 * `npm run bench:urgent -- 20000` takes another backlog.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { pino } from 'pino'
import type { SupportChannel } from '../src/notifications/channel.ts'
import { percentile } from '../src/simulator/statistics.ts'
import { createTemporalClient } from '../src/temporal/connection.ts'
import { installTemporalRuntime } from '../src/temporal/worker.ts'
import { type RunningAftersend, startAftersendLives } from './aftersend-workflows.ts'
import { benchEvent } from './bench-event.ts'
import { machine, revision, verdict } from './machine.ts'
import { benchPostgres, benchTemporal } from './servers.ts'
import { storeBacklog } from './stored-backlog.ts'

const backlog = Number(process.argv[2] ?? 100_000)
const types = ['aftersend.registered', 'queued', 'sent', 'delivered']
const bounces = 20
const everyMs = 3_000
/** Between the registration of a critical email and its bounce. */
const bouncesAfterMs = 1_000
const goalMs = 2_000
/** By then the first claims are in flight and the worker is warm. */
const startAfterEvents = Math.min(1_000, backlog / 10)
const givenUpAfterMs = 120_000

/** Keeps when each email's first notice came. */
class StandInChannel implements SupportChannel {
  readonly name = 'webhook'
  readonly notifiedAt = new Map<string, number>()

  async send({ emailId }: { readonly emailId: string }): Promise<void> {
    if (!this.notifiedAt.has(emailId)) this.notifiedAt.set(emailId, Date.now())
  }
}

/** @returns when the bounce was received; epoch milliseconds. */
async function bounceCritical({ inbox }: RunningAftersend, emailId: string): Promise<number> {
  const to = [`${emailId}@example.com`]
  const key = { provider: 'aisend', emailId }
  await inbox.register({ ...key, to, subject: null, tags: null, priority: 'critical', as: 'sent' })
  await sleep(bouncesAfterMs)
  const event = benchEvent('bounced', emailId)
  await inbox.append([{ ...event, bounce: { class: 'hard', code: '550', message: null } }])
  return event.receivedAt
}

async function readFigures(url: string): Promise<{ applied: Map<string, number>; pending: number }> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ email_id: string; applied_at: Date | null }>(
    `SELECT email_id, applied_at FROM events WHERE email_id LIKE 'critical-%' AND type = 'bounced'`,
  )
  const { rows: waiting } = await client.query<{ pending: number }>(
    'SELECT count(*)::int AS pending FROM events WHERE applied_at IS NULL AND quarantined_reason IS NULL',
  )
  await client.end()
  const applied = rows.flatMap((row) => (row.applied_at ? [[row.email_id, row.applied_at.getTime()] as const] : []))
  return { applied: new Map(applied), pending: waiting[0]?.pending ?? 0 }
}

installTemporalRuntime(pino({ level: 'silent' }))
const [postgres, temporal] = [await benchPostgres(), await benchTemporal()]
await storeBacklog(postgres.url, { events: backlog, idPrefix: 'bulk-', types, priority: 'bulk' })
const target = { address: temporal.address, namespace: 'default', security: {} }
const client = createTemporalClient(target)
const channel = new StandInChannel()
const aftersend = await startAftersendLives(target, client, postgres.url, { channels: [channel] })
await aftersend.applied.whenReached(startAfterEvents)

const bouncedAt = new Map<string, number>()
for (let nth = 0; nth < bounces; nth++) {
  const emailId = `critical-${nth}`
  bouncedAt.set(emailId, await bounceCritical(aftersend, emailId))
  await sleep(everyMs - bouncesAfterMs)
}
const stillWaiting = (await readFigures(postgres.url)).pending
const until = Date.now() + givenUpAfterMs
while (channel.notifiedAt.size < bounces && Date.now() < until) await sleep(200)
const { applied } = await readFigures(postgres.url)

const waits = (ended: ReadonlyMap<string, number>) =>
  [...bouncedAt].flatMap(([emailId, at]) => {
    const end = ended.get(emailId)
    return end === undefined ? [] : [end - at]
  })
const line = (what: string, ms: readonly number[]) => {
  const max = percentile(ms, 1) ?? Number.POSITIVE_INFINITY
  const met = ms.length === bounces && max <= goalMs
  console.log(
    `${what}: p50 ${percentile(ms, 0.5)} ms, longest ${max} ms, ${ms.length} of ${bounces} (goal ${goalMs}: ${verdict(met)})`,
  )
}
console.log(
  `\n${machine()}, ${revision()}; ${bounces} critical bounces behind ${backlog} bulk events, on ${temporal.name}; ${stillWaiting} still waited at the last bounce\n`,
)
line('applied after', waits(applied))
line('the team notified after', waits(channel.notifiedAt))
await aftersend.stop()
await client.connection.close()
await temporal.stop()
await postgres.stop()
process.exit(0)
