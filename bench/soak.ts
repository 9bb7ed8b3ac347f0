/**
 * `npm run bench:soak`: twenty minutes at half of what this machine can do, with one api and one worker of their own. What
 * grows although the load does not is a leak: memory, open sockets, connections to PostgreSQL, the age of what waits.
 * `npm run bench:soak -- 5` takes another number of minutes.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { percentile } from '../src/simulator/statistics.ts'
import { atOnce, machine, median, revision, verdict } from './machine.ts'
import { memoryMiBOf, type Role, socketsOf, startRole, untilApplied } from './roles.ts'
import { benchPostgres, benchTemporal } from './servers.ts'
import { webhookOf } from './webhook-requests.ts'

const minutes = Number(process.argv[2] ?? 20)
const types = ['queued', 'sent', 'delivered']
/** Between the events of one email. */
const spacingMs = 2_000
const sampleEveryMs = 5_000

interface Sample {
  readonly 'api MiB': number
  readonly 'worker MiB': number
  readonly sockets: number
  readonly 'connections to PostgreSQL': number
  readonly 'oldest waiting s': number
  readonly 'ack p99 ms': number
}

/** Posts webhooks as a provider does, and keeps how long each answer took. */
class Provider {
  acknowledged = 0
  #latencies: number[] = []
  readonly #url: string

  constructor(url: string) {
    this.#url = `${url}/webhooks/aisend`
  }

  async post(emailId: string, type: string): Promise<void> {
    const { body, headers } = webhookOf({ id: `${emailId}/${type}`, emailId, type })
    const startedAt = performance.now()
    const response = await fetch(this.#url, { method: 'POST', headers, body })
    await response.arrayBuffer()
    if (response.status !== 200) throw new Error(`a webhook was answered ${response.status}`)
    this.acknowledged += 1
    this.#latencies.push(performance.now() - startedAt)
  }

  /** Of the answers since it was last asked. */
  takeP99(): number {
    return percentile(this.#latencies.splice(0), 0.99) ?? Number.NaN
  }
}

/** @returns lives per second of 300 emails that are all at the same event, as fast as they go. */
async function measureCapacity(api: Role, provider: Provider, name: string): Promise<number> {
  const ids = Array.from({ length: 300 }, (_, index) => `${name}-${index}`)
  const startedAt = performance.now()
  for (const type of types) {
    await atOnce(30, ids, (id) => provider.post(id, type))
    await untilApplied(api)
  }
  return ids.length / ((performance.now() - startedAt) / 1_000)
}

/** Starts a life every `1 / livesPerSecond` seconds until `endsAt`; resolves when the last one's last event is acknowledged. */
async function live(provider: Provider, livesPerSecond: number, endsAt: number): Promise<number> {
  const startedAt = performance.now()
  const emailWorkflows: Promise<void>[] = []
  while (performance.now() < endsAt) {
    emailWorkflows.push(liveOnce(provider, `soak-${emailWorkflows.length}`))
    await sleep(Math.max(0, startedAt + (emailWorkflows.length / livesPerSecond) * 1_000 - performance.now()))
  }
  await Promise.all(emailWorkflows)
  return emailWorkflows.length
}

async function liveOnce(provider: Provider, emailId: string): Promise<void> {
  for (const [index, type] of types.entries()) {
    if (index > 0) await sleep(spacingMs)
    await provider.post(emailId, type)
  }
}

async function sample(api: Role, worker: Role, provider: Provider, client: pg.Client): Promise<Sample> {
  const { rows } = await client.query<{ connections: number }>(
    `SELECT count(*)::int AS connections FROM pg_stat_activity WHERE application_name LIKE 'aftersend%'`,
  )
  return {
    'api MiB': memoryMiBOf(api.pid),
    'worker MiB': memoryMiBOf(worker.pid),
    sockets: socketsOf(api.pid) + socketsOf(worker.pid),
    'connections to PostgreSQL': rows[0]?.connections ?? Number.NaN,
    'oldest waiting s': await api.figure('aftersend_inbox_oldest_seconds'),
    'ack p99 ms': provider.takeP99(),
  }
}

/** Medians of each tenth of the time; of what waits, the longest. */
function tenthsOf(samples: readonly Sample[]): Sample[] {
  const size = Math.floor(samples.length / 10)
  return Array.from({ length: 10 }, (_, tenth) => {
    const of = samples.slice(tenth * size, (tenth + 1) * size)
    const middle = (name: keyof Sample) => Number(median(of.map((each) => each[name])).toFixed(1))
    return {
      'api MiB': middle('api MiB'),
      'worker MiB': middle('worker MiB'),
      sockets: middle('sockets'),
      'connections to PostgreSQL': middle('connections to PostgreSQL'),
      'oldest waiting s': Number(Math.max(...of.map((each) => each['oldest waiting s'])).toFixed(1)),
      'ack p99 ms': middle('ack p99 ms'),
    }
  })
}

/** The caches fill in the first three tenths; from then on nothing may grow but by noise. */
function report(tenths: readonly Sample[]): void {
  console.table(Object.fromEntries(tenths.map((tenth, index) => [index + 1, tenth])))
  const growth = (name: keyof Sample) => {
    const of = (from: number, to: number) => median(tenths.slice(from, to).map((tenth) => tenth[name]))
    return of(7, 10) / of(3, 6)
  }
  for (const name of ['api MiB', 'worker MiB', 'sockets', 'connections to PostgreSQL'] as const) {
    const ratio = growth(name)
    console.log(
      `${name}, last three tenths of the middle three: ${ratio.toFixed(2)} (goal 1.1: ${verdict(ratio <= 1.1)})`,
    )
  }
  const oldest = Math.max(...tenths.slice(3).map((tenth) => tenth['oldest waiting s']))
  console.log(
    `longest wait of an event after the third tenth: ${oldest.toFixed(1)} s (goal 5: ${verdict(oldest <= 5)})`,
  )
}

const [postgres, temporal] = [await benchPostgres(), await benchTemporal()]
const client = new pg.Client({ connectionString: postgres.url })
await client.connect()
const servers = { databaseUrl: postgres.url, temporalAddress: temporal.address }
const [api, worker] = [await startRole('api', servers), await startRole('worker', servers)]
const provider = new Provider(api.url)
await measureCapacity(api, provider, 'warm')
const capacity = await measureCapacity(api, provider, 'full')
provider.takeP99()

const endsAt = performance.now() + minutes * 60_000
const rig = live(provider, capacity / 2, endsAt)
const samples: Sample[] = []
while (performance.now() < endsAt) {
  await sleep(sampleEveryMs)
  samples.push(await sample(api, worker, provider, client))
}
const emailWorkflows = await rig
await untilApplied(api)

const { rows } = await client.query<{ applied: number; delivered: number }>(
  `SELECT (SELECT count(applied_at)::int FROM events) AS applied,
          (SELECT count(*)::int FROM emails WHERE status = 'delivered' AND id LIKE 'soak-%') AS delivered`,
)
console.log(
  `\n${machine()}, ${revision()}; ${minutes} minutes at ${(capacity / 2).toFixed(1)} lives/s, half of ${capacity.toFixed(1)}; by tenths of the time\n`,
)
report(tenthsOf(samples))
const { applied, delivered } = rows[0] ?? {}
const isWhole = applied === provider.acknowledged && delivered === emailWorkflows
console.log(
  `acknowledged ${provider.acknowledged}, applied ${applied}; emails ${emailWorkflows}, delivered ${delivered}`,
)

await client.end()
await api.stop()
await worker.stop()
await temporal.stop()
await postgres.stop()
process.exit(isWhole ? 0 : 1)
