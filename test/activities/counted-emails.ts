/** The figures of arbitrary emails, counted one by one in plain JavaScript. */
import assert from 'node:assert/strict'
import {
  type AnalyticsFilter,
  type BreakdownKey,
  breakdownKeys,
  readBreakdown,
  readSummary,
  readTimeseries,
  timeBuckets,
} from '../../src/db/analytics.ts'
import type { Database } from '../../src/db/database.ts'
import { noFacts } from '../../src/domain/delivery-facts.ts'
import { type Figures, figuresOf, type Tally } from '../../src/domain/figures.ts'
import { percentileError } from '../../src/domain/histogram.ts'
import {
  deliveryOf,
  deliveryTimeMsOf,
  recipientStateOf,
  recipientsOf,
  type Snapshot,
} from '../../src/domain/lifecycle.ts'
import { type AnyEmail, domainOfKey, hourMs, rangeOfAnyEmails } from './arbitrary-emails.ts'

function passes(email: AnyEmail, filter: AnalyticsFilter): boolean {
  const { provider, priority, tag, domain } = filter
  return (
    (provider === undefined || email.provider === provider) &&
    (priority === undefined || email.snapshot.priority === priority) &&
    (tag === undefined || email.tags.includes(tag)) &&
    (domain === undefined || email.domain === domain)
  )
}

/** What is counted as one: an email, or a recipient. */
interface Counted {
  readonly snapshot: Snapshot
  readonly delivery: string
  readonly domain: string | null
}

/** Of several recipients that no event distinguishes, the first stands for what one of them has caused. */
function recipientsIn({ snapshot, domain, keys }: AnyEmail): Counted[] {
  const asEmail = { snapshot, domain, delivery: deliveryOf(snapshot) }
  if (keys.length < 2) return [{ ...asEmail, domain: domainOfKey[keys[0] ?? ''] ?? domain }]
  const folded = recipientsOf(snapshot)
  const hasRecipientFacts = keys.some((key) => (folded[key] ?? noFacts).firstReceivedAt !== null)
  return keys.map((key, index) => {
    const domainOf = domainOfKey[key] ?? domain
    const own = folded[key] ?? noFacts
    const [queuedAt, sendingAt, sentAt] = [
      own.queuedAt ?? snapshot.queuedAt,
      own.sendingAt ?? snapshot.sendingAt,
      own.sentAt ?? snapshot.sentAt,
    ]
    if (hasRecipientFacts) {
      const { delivery } = recipientStateOf(snapshot, key)
      return { snapshot: { ...snapshot, ...own, queuedAt, sendingAt, sentAt }, domain: domainOf, delivery }
    }
    if (index === 0) return { ...asEmail, domain: domainOf }
    const isOver = ['bounced', 'failed'].includes(asEmail.delivery)
    const settledReceivedAt = isOver ? null : snapshot.settledReceivedAt
    const { opens, clicks } = noFacts
    return {
      snapshot: { ...snapshot, bounce: null, complainedAt: null, opens, clicks, settledReceivedAt },
      domain: domainOf,
      delivery: isOver || asEmail.delivery === 'deferred' ? 'sent' : asEmail.delivery,
    }
  })
}

const isFailed = ({ delivery }: Counted): boolean => delivery === 'bounced' || delivery === 'failed'

/** By each key, what is counted of an email, with its values. */
const valuesOf: Record<BreakdownKey, (email: AnyEmail) => (Counted & { values: readonly string[] })[]> = {
  domain: (email) => [{ ...asEmail(email), values: [email.domain ?? ''] }],
  tag: (email) => [{ ...asEmail(email), values: email.tags }],
  priority: (email) => [{ ...asEmail(email), values: [email.snapshot.priority] }],
  provider: (email) => [{ ...asEmail(email), values: [email.provider] }],
  reason: (email) =>
    recipientsIn(email)
      .filter(isFailed)
      .map((one) => ({ ...one, values: [one.snapshot.bounce?.failure?.reason ?? 'unknown'] })),
  party: (email) =>
    recipientsIn(email)
      .filter(isFailed)
      .map((one) => ({ ...one, values: [one.snapshot.bounce?.failure?.party ?? 'unknown'] })),
  mailboxProvider: (email) =>
    recipientsIn(email).map((one) => ({ ...one, values: [one.domain === 'gmail.com' ? 'gmail' : 'other'] })),
}

interface CountedEmail extends Counted {
  readonly recipients: readonly Counted[]
}

const asEmail = (email: AnyEmail): CountedEmail => ({
  snapshot: email.snapshot,
  delivery: deliveryOf(email.snapshot),
  domain: email.domain,
  recipients: recipientsIn(email),
})

/** Fails unless all figures of analytics equal those counted one by one. */
export async function assertAnalytics(
  db: Database,
  emails: readonly AnyEmail[],
  filter: AnalyticsFilter,
): Promise<void> {
  const matching = emails.filter((email) => passes(email, filter))
  assertCounts(await readSummary(db, rangeOfAnyEmails, filter), matching.map(asEmail))
  for (const bucket of timeBuckets) {
    const bucketMs = bucket === 'hour' ? hourMs : 24 * hourMs
    const buckets = await readTimeseries(db, rangeOfAnyEmails, filter, bucket)
    assert.equal(buckets.length, bucket === 'hour' ? 72 : 3)
    for (const { startsAt, tally } of buckets) {
      const isWithin = ({ createdAt }: AnyEmail) => Math.floor(+createdAt / bucketMs) * bucketMs === +startsAt
      assertCounts(tally, matching.filter(isWithin).map(asEmail))
    }
  }
  for (const by of breakdownKeys) {
    const parts = await readBreakdown(db, rangeOfAnyEmails, filter, by, 50)
    const counted = matching.flatMap(valuesOf[by])
    const values = [...new Set(counted.flatMap((each) => each.values))]
    assert.deepEqual(parts.map(({ value }) => value).toSorted(), values.toSorted(), by)
    for (const { value, tally } of parts) {
      assertCounts(
        tally,
        counted.filter((each) => each.values.includes(value)),
      )
    }
  }
}

/** Fails unless a tally equals the counts of the emails. */
function assertCounts(tally: Tally, counted: readonly (Counted & Partial<CountedEmail>)[]): void {
  const { times, ...counts } = countOf(counted)
  const figures = figuresOf(tally)
  assert.deepEqual(countsIn(figures), counts)
  const { mean, p50, p95, p99 } = figures.deliveryTimeMs
  if (times.length === 0) {
    assert.deepEqual([mean, p50, p95, p99], [null, null, null, null])
    return
  }
  assert.equal(mean, Math.round(times.reduce((sum, ms) => sum + ms, 0) / times.length))
  for (const [share, found] of [
    [0.5, p50],
    [0.95, p95],
    [0.99, p99],
  ] as const) {
    // Whole milliseconds, and 0 counts as 1.
    const exact = Math.max(1, times[Math.ceil(share * times.length) - 1] ?? Number.NaN)
    assert.ok(Math.abs((found ?? Number.NaN) - exact) <= exact * percentileError + 0.5, `${found} for ${exact}`)
  }
}

/** Delivered, or proved to be by a complaint or a person's action. */
const hasArrived = ({ snapshot, delivery }: Counted): boolean =>
  snapshot.complainedAt !== null ||
  (snapshot.settledReceivedAt !== null && delivery !== 'bounced' && delivery !== 'failed')

/** The figures' counts, from snapshots rather than from rows. */
function countOf(counted: readonly (Counted & Partial<CountedEmail>)[]) {
  const count = (counts: (one: Counted) => boolean) => counted.filter(counts).length
  const recipients = counted.flatMap((one) => one.recipients ?? [one])
  const times = counted.flatMap(({ snapshot }) => deliveryTimeMsOf(snapshot) ?? []).sort((a, b) => a - b)
  return {
    emails: counted.length,
    sent: count((one) => !['queued', 'sending'].includes(one.delivery) || hasArrived(one)),
    delivered: count(hasArrived),
    hardBounced: count(({ delivery }) => delivery === 'bounced'),
    failed: count(({ delivery }) => delivery === 'failed'),
    softBounced: count((one) => one.snapshot.bounce !== null && !isFailed(one)),
    complained: count(({ snapshot }) => snapshot.complainedAt !== null),
    opened: count((one) => hasArrived(one) && one.snapshot.opens.total > 0),
    openedByHuman: count((one) => hasArrived(one) && one.snapshot.opens.human > 0),
    clicked: count((one) => hasArrived(one) && one.snapshot.clicks.total > 0),
    clickedByHuman: count((one) => hasArrived(one) && one.snapshot.clicks.human > 0),
    timed: times.length,
    recipients: recipients.length,
    deliveredRecipients: recipients.filter(hasArrived).length,
    times,
  }
}

/** The same numbers as {@link countOf}, from figures. */
const countsIn = (figures: Figures) => ({
  emails: figures.emails,
  sent: figures.sent,
  delivered: figures.delivered,
  hardBounced: figures.hardBounces.numerator,
  failed: figures.failures.numerator,
  softBounced: figures.softBounces.numerator,
  complained: figures.complaints.numerator,
  opened: figures.opens.all.numerator,
  openedByHuman: figures.opens.human.numerator,
  clicked: figures.clicks.all.numerator,
  clickedByHuman: figures.clicks.human.numerator,
  timed: figures.deliveryTimeMs.count,
  recipients: figures.recipients,
  deliveredRecipients: figures.deliveredRecipients,
})
