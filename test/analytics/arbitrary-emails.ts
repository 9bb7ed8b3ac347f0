/** Emails of any kind for tests on analytics, and what they add up to, counted one by one in plain JavaScript. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Figures, figuresOf, type Tally } from '../../src/analytics/figures.ts'
import { percentileError } from '../../src/analytics/histogram.ts'
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
import { type LifecycleEvent, priorities } from '../../src/domain/events.ts'
import {
  deliveryOf,
  deliveryTimeMsOf,
  foldEvents,
  type Snapshot,
  statusOf,
  unheardOf,
} from '../../src/domain/lifecycle.ts'
import { eventSets } from '../domain/arbitrary-events.ts'

export interface AnyEmail {
  readonly id: string
  readonly provider: string
  readonly domain: string | null
  readonly tags: readonly string[]
  readonly createdAt: Date
  readonly snapshot: Snapshot
}

const start = Date.UTC(2026, 0, 1)
const hourMs = 3_600_000

/** Events as they are, or with a delivery that most emails have. */
const lives = fc.oneof(
  eventSets,
  fc
    .tuple(eventSets, fc.integer({ min: 0, max: 7_200_000 }))
    .map(([events, afterMs]): LifecycleEvent[] => [
      ...events,
      { id: 'sent', type: 'sent', occurredAt: start, receivedAt: start },
      { id: 'delivered', type: 'delivered', occurredAt: start + afterMs, receivedAt: start + afterMs },
    ]),
)

/** Emails of two providers over three days, whose priority comes from their events. */
export const anyEmails: fc.Arbitrary<AnyEmail[]> = fc
  .array(
    fc.record({
      provider: fc.constantFrom('aisend', 'other'),
      domain: fc.constantFrom('example.com', 'example.org', null),
      tags: fc.uniqueArray(fc.constantFrom('invitation', 'receipt', 'plan:pro'), { maxLength: 3 }),
      hour: fc.integer({ min: 0, max: 71 }),
      withinHourMs: fc.constantFrom(0, 1, hourMs - 1),
      events: lives,
    }),
    { minLength: 5, maxLength: 40, size: 'max' },
  )
  .map((emails) =>
    emails.map(({ hour, withinHourMs, events, ...email }, index) => ({
      ...email,
      id: `em_${index}`,
      createdAt: new Date(start + hour * hourMs + withinHourMs),
      snapshot: foldEvents(unheardOf, events),
    })),
  )

export const rangeOfAnyEmails = { from: new Date(start), to: new Date(start + 72 * hourMs) }

export const anyFilter: fc.Arbitrary<AnalyticsFilter> = fc.oneof(
  fc.constant({}),
  fc.record({ provider: fc.constantFrom('aisend', 'other'), priority: fc.constantFrom(...priorities) }),
  fc.record({ tag: fc.constantFrom('invitation', 'plan:pro') }),
  fc.record({ domain: fc.constantFrom('example.com', 'example.org') }),
  fc.constant({ domain: 'example.com', tag: 'invitation' }),
)

function passes(email: AnyEmail, filter: AnalyticsFilter): boolean {
  const { provider, priority, tag, domain } = filter
  return (
    (provider === undefined || email.provider === provider) &&
    (priority === undefined || email.snapshot.priority === priority) &&
    (tag === undefined || email.tags.includes(tag)) &&
    (domain === undefined || email.domain === domain)
  )
}

/** Stores emails as their workflows would have. */
export async function storeEmails(db: Database, emails: readonly AnyEmail[]): Promise<void> {
  await db.email.createMany({ data: emails.map(rowOfEmail) })
}

const at = (epochMs: number | null) => (epochMs === null ? null : new Date(epochMs))

/** As if late events had come: the email's snapshot and what else may change of it. */
export async function changeEmail(db: Database, email: AnyEmail): Promise<void> {
  const { id, provider, ...data } = rowOfEmail(email)
  await db.email.update({ where: { id_provider: { id, provider } }, data })
}

/** The row of an email, as `saveSnapshot` stores it. */
const rowOfEmail = ({ id, provider, domain, tags, createdAt, snapshot }: AnyEmail) => ({
  id,
  provider,
  recipientDomain: domain,
  tags: [...tags],
  createdAt,
  priority: snapshot.priority,
  status: statusOf(snapshot),
  delivery: deliveryOf(snapshot),
  revision: 1,
  registeredAt: at(snapshot.registeredAt),
  registeredAsSent: snapshot.registeredAsSent,
  queuedAt: at(snapshot.queuedAt),
  sendingAt: at(snapshot.sendingAt),
  sentAt: at(snapshot.sentAt),
  deliveredAt: at(snapshot.deliveredAt),
  bounceClass: snapshot.bounce?.class ?? null,
  complainedAt: at(snapshot.complainedAt),
  opensTotal: snapshot.opens.total,
  opensHuman: snapshot.opens.human,
  clicksTotal: snapshot.clicks.total,
  clicksHuman: snapshot.clicks.human,
  settledReceivedAt: at(snapshot.settledReceivedAt),
})

const valuesOf = ({ domain, tags, snapshot, provider }: AnyEmail): Record<BreakdownKey, readonly string[]> => ({
  domain: [domain ?? ''],
  tag: tags,
  priority: [snapshot.priority],
  provider: [provider],
})

/** Fails unless everything that analytics say of emails is what counting them one by one says. */
export async function assertAnalytics(
  db: Database,
  emails: readonly AnyEmail[],
  filter: AnalyticsFilter,
): Promise<void> {
  const matching = emails.filter((email) => passes(email, filter))
  assertCounts(await readSummary(db, rangeOfAnyEmails, filter), matching)
  for (const bucket of timeBuckets) {
    const bucketMs = bucket === 'hour' ? hourMs : 24 * hourMs
    const buckets = await readTimeseries(db, rangeOfAnyEmails, filter, bucket)
    assert.equal(buckets.length, bucket === 'hour' ? 72 : 3)
    for (const { startsAt, tally } of buckets) {
      const isWithin = ({ createdAt }: AnyEmail) => Math.floor(+createdAt / bucketMs) * bucketMs === +startsAt
      assertCounts(tally, matching.filter(isWithin))
    }
  }
  for (const by of breakdownKeys) {
    const parts = await readBreakdown(db, rangeOfAnyEmails, filter, by, 50)
    const values = [...new Set(matching.flatMap((email) => valuesOf(email)[by]))]
    assert.deepEqual(parts.map(({ value }) => value).toSorted(), values.toSorted())
    for (const { value, tally } of parts) {
      assertCounts(
        tally,
        matching.filter((email) => valuesOf(email)[by].includes(value)),
      )
    }
  }
}

/** Fails unless a tally says of emails what counting them one by one says. */
function assertCounts(tally: Tally, emails: readonly AnyEmail[]): void {
  const { times, ...counts } = countOf(emails)
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

/** Counts of figures, counted from snapshots rather than from rows. */
function countOf(emails: readonly AnyEmail[]) {
  const count = (counts: (snapshot: Snapshot) => boolean) => emails.filter(({ snapshot }) => counts(snapshot)).length
  const isHard = (snapshot: Snapshot) => snapshot.bounce?.class === 'hard'
  const arrived = (snapshot: Snapshot) =>
    snapshot.complainedAt !== null || (snapshot.settledReceivedAt !== null && !isHard(snapshot))
  const times = emails.flatMap(({ snapshot }) => deliveryTimeMsOf(snapshot) ?? []).sort((a, b) => a - b)
  return {
    emails: emails.length,
    sent: count((snapshot) => !['queued', 'sending'].includes(deliveryOf(snapshot)) || arrived(snapshot)),
    delivered: count(arrived),
    hardBounced: count(isHard),
    softBounced: count((snapshot) => snapshot.bounce?.class === 'soft'),
    complained: count((snapshot) => snapshot.complainedAt !== null),
    opened: count((snapshot) => arrived(snapshot) && snapshot.opens.total > 0),
    openedByHuman: count((snapshot) => arrived(snapshot) && snapshot.opens.human > 0),
    clicked: count((snapshot) => arrived(snapshot) && snapshot.clicks.total > 0),
    clickedByHuman: count((snapshot) => arrived(snapshot) && snapshot.clicks.human > 0),
    timed: times.length,
    times,
  }
}

/** The same numbers as {@link countOf}, from figures. */
const countsIn = (figures: Figures) => ({
  emails: figures.emails,
  sent: figures.sent,
  delivered: figures.delivered,
  hardBounced: figures.hardBounces.numerator,
  softBounced: figures.softBounces.numerator,
  complained: figures.complaints.numerator,
  opened: figures.opens.all.numerator,
  openedByHuman: figures.opens.human.numerator,
  clicked: figures.clicks.all.numerator,
  clickedByHuman: figures.clicks.human.numerator,
  timed: figures.deliveryTimeMs.count,
})
