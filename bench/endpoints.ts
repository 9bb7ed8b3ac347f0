/**
 * `npm run bench:endpoints`: webhooks to applications. How many a second one endpoint is sent from a backlog; how long it takes from the
 * webhook of a provider to that of the application, at 100 events a second for ten endpoints; and what one dead and one slow endpoint among the
 * ten change for the others, in alternate rounds. The events are opens of settled emails, which need no Temporal: what it adds for others is in
 * bench:simulated. `-- 2000` takes another backlog.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { notifyChanges } from '../src/db/changes.ts'
import { createDatabase } from '../src/db/database.ts'
import { createEndpoint } from '../src/db/endpoints.ts'
import { readInboxFigures } from '../src/db/events.ts'
import { endpointPool, receiptPool } from '../src/db/pools.ts'
import { createAddressGuard } from '../src/endpoints/address-guard.ts'
import { createPoster } from '../src/endpoints/poster.ts'
import { serveEndpoint } from '../src/endpoints/sender.ts'
import { createEndpointSecret } from '../src/endpoints/signed-request.ts'
import { createInbox } from '../src/inbox/create-inbox.ts'
import { listenForChanges } from '../src/live/change-listener.ts'
import { createChangeNotifier } from '../src/live/change-notifier.ts'
import { createSharedListener } from '../src/live/shared-listener.ts'
import { createMetrics } from '../src/metrics.ts'
import { percentile } from '../src/simulator/statistics.ts'
import type { EmailWorkflows } from '../src/temporal/email-workflows.ts'
import { benchEvent } from './bench-event.ts'
import { addressOf, fill } from './bulk.ts'
import { machine, median, revision, verdict } from './machine.ts'
import { cpuMsOf, cpuMsOfServer } from './roles.ts'
import { benchPostgres, startProcess } from './servers.ts'

const backlog = Number(process.argv[2] ?? 10_000)
const goals = { perSecond: 1_000, p95Ms: 1_000, change: 0.2 }
const [eventsPerSecond, roundSeconds, rounds, endpoints] = [100, 10, 3, 10]
const emails = 20_000

const log = pino({ level: 'silent' })
const postgres = await benchPostgres()
await fill(postgres.url, emails * 4)
const db = createDatabase({ url: postgres.url, ...endpointPool })
const receiptDb = createDatabase({ url: postgres.url, ...receiptPool })
const receiver = await startProcess('endpoint-receiver.ts', [])
const poster = createPoster({ guard: createAddressGuard(['127.0.0.1']) })
const changes = createSharedListener((onNotification) =>
  listenForChanges({ databaseUrl: postgres.url, log, onNotification }),
)

const urlOf = (path: string): string => `http://127.0.0.1:${receiver.port}/${path}`
const latenciesOf = async (path: string): Promise<number[]> => (await fetch(urlOf(path))).json() as Promise<number[]>
const p95 = (latencies: readonly number[]): number => percentile(latencies, 0.95) ?? Number.NaN

/** bench/bulk.ts gives an email one of 20 tags, and so each event goes to one endpoint. */
async function endpointAt(url: string, nth: number | null): Promise<string> {
  const tags = nth === null ? null : [`campaign ${nth}`, `campaign ${nth + endpoints}`]
  const { id } = await createEndpoint(db, {
    ...{ url, description: null, eventTypes: [], filters: tags === null ? {} : { tags } },
    ...{ project: 'default', secret: createEndpointSecret(), by: 'bench' },
  })
  return id
}

/** Sends to endpoints while `work` runs, as the activities of their workflows do; then deletes them. */
async function whileServed<T>(ids: readonly string[], work: () => Promise<T>): Promise<T> {
  const stopping = new AbortController()
  const senders = ids.map((endpointId) =>
    serveEndpoint({
      ...{ db, endpointId, name: randomUUID(), poster, subscribe: changes.subscribe, signal: stopping.signal },
    }),
  )
  try {
    return await work()
  } finally {
    stopping.abort()
    await Promise.all(senders)
    await db.$executeRaw`UPDATE endpoints SET deleted_at = now()`
  }
}

const countPending = (): Promise<number> => db.delivery.count({ where: { state: 'pending' } })

const cpuMs = () => ({
  sender: cpuMsOf(['self']),
  postgres: cpuMsOfServer(postgres.pid),
  receiver: cpuMsOf([receiver.pid]),
})

async function measureBacklog(): Promise<{ perSecond: number; cpu: string }> {
  const id = await endpointAt(urlOf('backlog'), null)
  await db.$executeRaw`
    INSERT INTO deliveries (message_id, endpoint_id, lane, type, provider, email_id, event_id, event_received_at, email_state)
    SELECT message_id_of(${id}, 'email.opened', event_id), ${id}, emails.id, 'email.opened', emails.provider, emails.id, event_id,
           received_at, sent_state_of(emails)
    FROM emails JOIN events ON event_id = emails.id || '/3' AND events.provider = emails.provider LIMIT ${backlog}`
  await db.$executeRaw`ANALYZE deliveries`
  const [startedAt, before] = [performance.now(), cpuMs()]
  await whileServed([id], async () => {
    while ((await countPending()) > 0) await sleep(50)
  })
  const perSecond = backlog / ((performance.now() - startedAt) / 1_000)
  await latenciesOf('backlog')
  const after = cpuMs()
  const parts = ['sender', 'postgres', 'receiver'] as const
  const cpu = parts.map((part) => `${part} ${((after[part] - before[part]) / backlog).toFixed(2)} ms`).join(', ')
  return { perSecond, cpu }
}

let opened = 0
/** Of another email each time. */
function nextOpen() {
  const nth = opened++ % emails
  const [emailId, address] = [`old_${nth}`, addressOf(nth)]
  const own = { id: `${emailId}/open-${opened}`, human: true, to: [address], recipient: address }
  return { ...benchEvent('opened', emailId), ...own }
}

/** @param ill whether two of the endpoints are. @returns how long it took to the other eight. */
async function measureRound(ill: boolean): Promise<number[]> {
  const paths = Array.from({ length: endpoints }, (_, nth) => `${randomUUID()}${ill && nth === 9 ? 'slow' : ''}`)
  const ids = await Promise.all(
    paths.map((path, nth) => endpointAt(ill && nth === 8 ? 'http://127.0.0.1:9/' : urlOf(path), nth)),
  )
  await whileServed(ids, async () => {
    const startedAt = performance.now()
    for (let sent = 0; sent < roundSeconds * eventsPerSecond; sent++) {
      void inbox.append([nextOpen()])
      // By the clock: a late timer is made up for.
      await sleep(startedAt + (sent * 1_000) / eventsPerSecond - performance.now())
    }
    await sleep(2_000)
  })
  return (await Promise.all(paths.slice(0, 8).map(latenciesOf))).flat()
}

const notifier = createChangeNotifier(() => notifyChanges(receiptDb))
const inbox = createInbox({
  ...{ db: receiptDb, emailWorkflows: {} as EmailWorkflows, metrics: createMetrics(() => readInboxFigures(db)), log },
  onChange: notifier.notify,
})

const { perSecond, cpu } = await measureBacklog()
const well: number[][] = []
const withIll: number[][] = []
for (let round = 0; round < rounds; round++) {
  well.push(await measureRound(false))
  withIll.push(await measureRound(true))
}
const [wellP95, illP95] = [well, withIll].map((measured) => median(measured.map(p95))) as [number, number]
const change = illP95 / wellP95 - 1
const counts = [well, withIll].map((measured) => measured.flat().length).join(' and ')

console.log(`\n${machine()}, ${revision()}\n`)
console.log(
  `from a backlog of ${backlog} to one endpoint: ${Math.round(perSecond)} a second (goal ${goals.perSecond}: ${verdict(perSecond >= goals.perSecond)}); CPU a delivery: ${cpu}`,
)
console.log(
  `webhook in to webhook out, ${eventsPerSecond} events/s, ten endpoints: p50 ${percentile(well.flat(), 0.5)} ms, p95 ${wellP95} ms, ` +
    `most ${Math.max(...well.flat())} ms (goal p95 ${goals.p95Ms} ms: ${verdict(wellP95 < goals.p95Ms)}); ${counts} deliveries`,
)
console.log(
  `of them one dead and one slow: p95 of the others ${illP95} ms, ${Math.round(change * 100)} % more (goal ${goals.change * 100} %: ${verdict(change < goals.change)})`,
)

await inbox.close()
await notifier.close()
await changes.close()
poster.close()
receiver.stop()
await Promise.all([db.$disconnect(), receiptDb.$disconnect()])
await postgres.stop()
