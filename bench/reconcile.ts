/**
 * `npm run bench:reconcile`: the webhooks of a day are lost, and reconciling finds everything at the provider's stand-in. How long it
 * takes, compared with what the provider's rate limit allows, what differs in the end, and what acknowledgements cost beside it.
 * `npm run bench:reconcile -- 10000 20` takes 10,000 emails at each provider, and limits and pace 20 times as high. `-- 600 1 ack` measures
 * the acknowledgements alone, `-- 600 1 days` the days, `-- 600 1 mailgun` that of one provider, and `-- 600 1 mailgun 150` with answers that
 * take 150 ms, as over the internet.
 */
import { createDatabase } from '../src/db/database.ts'
import { schedulePool } from '../src/db/pools.ts'
import { type LoadResult, load } from './load.ts'
import { machine, median, revision, verdict } from './machine.ts'
import { benchPostgres, startProcess } from './servers.ts'
import { reconcileDay, startSilentDay } from './silent-day.ts'
import { nextWebhook, webhookSecret } from './webhook-requests.ts'

const [emails, factor, part] = [Number(process.argv[2] ?? 600), Number(process.argv[3] ?? 1), process.argv[4]]
const slowMs = Number(process.argv[5] ?? 0)

interface Limit {
  /** Requests in a minute: published, or where nothing is, our own pace. */
  readonly perMinute: number
  readonly isPublished: boolean
  /** The fewest requests that show all events of so many emails. */
  readonly fewest: (emails: number, events: number) => number
}

/** SendGrid's and Postmark's records have no list of events: every email is asked about. Resend's log has no payloads. */
const limits: Readonly<Record<string, Limit>> = {
  sendgrid: { perMinute: 600, isPublished: true, fewest: (emails) => emails + Math.ceil(emails / 500) },
  resend: { perMinute: 300, isPublished: true, fewest: (_, events) => events + Math.ceil(events / 100) },
  mailgun: { perMinute: 300, isPublished: false, fewest: (_, events) => Math.ceil(events / 100) },
  sparkpost: { perMinute: 60, isPublished: false, fewest: (_, events) => Math.ceil(events / 1_000) },
  brevo: { perMinute: 5, isPublished: true, fewest: (_, events) => Math.ceil(events / 2_500) },
  scaleway: { perMinute: 120, isPublished: false, fewest: (_, events) => Math.ceil(events / 100) },
  postmark: { perMinute: 660, isPublished: false, fewest: (emails) => emails + Math.ceil(emails / 500) },
}

const postgres = await benchPostgres()
const db = createDatabase({ url: postgres.url, ...schedulePool })
let isMet = true
const judged = (met: boolean): string => {
  isMet &&= met
  return verdict(met)
}

async function measureDay(provider: string, { perMinute, isPublished, fewest }: Limit) {
  const day = await startSilentDay(provider, emails)
  day.standIn.setFaults({ rateLimit: perMinute * factor, ratePeriodMs: 60_000, slowMs })
  const tookMs = await reconcileDay(db, day, { factor })
  const rows = await db.event.findMany({ where: { provider }, select: { emailId: true, type: true } })
  const listed = await db.suppression.findMany({ where: { provider, removedAt: null }, select: { address: true } })
  const stored = rows.map(({ emailId, type }) => `${emailId} ${type}`).sort()
  const differing =
    differences(day.truth, stored) + differences(day.suppressed, listed.map(({ address }) => address).sort())
  const allowedMs = (fewest(emails, day.truth.length) / (perMinute * factor)) * 60_000
  const requests = day.standIn.requestCount()
  day.standIn.close()
  await db.$executeRaw`DELETE FROM suppressions`
  return {
    events: day.truth.length,
    requests,
    seconds: Number((tookMs / 1_000).toFixed(1)),
    'limit allows, s': Number((allowedMs / 1_000).toFixed(1)),
    ratio: Number((tookMs / allowedMs).toFixed(2)),
    limit: isPublished ? 'published' : 'our own',
    'goal 1.2': judged(tookMs / allowedMs <= 1.2),
    differences: differing,
    'goal 0': judged(differing === 0),
  }
}

/** Of two sorted lists. */
function differences(expected: readonly string[], actual: readonly string[]): number {
  const [one, other] = [new Set(expected), new Set(actual)]
  const missing = expected.filter((entry) => !other.has(entry)).length
  return missing + actual.filter((entry) => !one.has(entry)).length + Math.abs(actual.length - other.size)
}

const [rounds, secondsPerRound, connections, fastestPerSecond] = [5, 6, 8, 8_000]

/** Acknowledgements with and without a reconcile beside them, in turns. */
async function measureAcks(): Promise<void> {
  const receiver = await startProcess('receiver.ts', [postgres.url, webhookSecret])
  const measure = (seconds: number): Promise<LoadResult> => {
    const requests = Array.from({ length: seconds * fastestPerSecond }, nextWebhook)
    return load({ port: receiver.port, connections, seconds, requests })
  }
  const beside = async (): Promise<LoadResult> => {
    const reconciler = await startProcess('reconciler.ts', [postgres.url])
    try {
      return await measure(secondsPerRound)
    } finally {
      reconciler.stop()
    }
  }
  await measure(2)
  const pairs: { readonly alone: LoadResult; readonly reconciling: LoadResult }[] = []
  for (let round = 0; round < rounds; round++) {
    pairs.push({ alone: await measure(secondsPerRound), reconciling: await beside() })
  }
  receiver.stop()
  const ratio = median(pairs.map(({ alone, reconciling }) => reconciling.p99Ms / alone.p99Ms))
  const row = (name: 'alone' | 'reconciling') => ({
    'acks/s': Math.round(median(pairs.map((pair) => pair[name].acksPerSecond))),
    'p50 ms': Number(median(pairs.map((pair) => pair[name].p50Ms)).toFixed(1)),
    'p99 ms': Number(median(pairs.map((pair) => pair[name].p99Ms)).toFixed(1)),
  })
  console.log(`\nAcknowledgements, ${connections} connections, medians of ${rounds} rounds of ${secondsPerRound} s`)
  console.table({ alone: row('alone'), 'beside a reconcile': row('reconciling') })
  console.log(`p99: ${ratio.toFixed(2)} times of without, median of the rounds (goal 1.3: ${judged(ratio <= 1.3)})`)
}

console.log(
  `\n${machine()}, ${revision()}; ${emails} emails at each provider, limits × ${factor}, answers after ${slowMs} ms`,
)
if (part !== 'ack') {
  const results: Record<string, object> = {}
  const days = Object.entries(limits).filter(([provider]) => part === provider || !part || part === 'days')
  for (const [provider, limit] of days) results[provider] = await measureDay(provider, limit)
  console.table(results)
}
if (!part || part === 'ack') await measureAcks()
await db.$disconnect()
await postgres.stop()
process.exit(isMet ? 0 : 1)
