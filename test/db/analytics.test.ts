import assert from 'node:assert/strict'
import fc from 'fast-check'
import { figuresOf, type Tally } from '../../src/analytics/figures.ts'
import { percentileError } from '../../src/analytics/histogram.ts'
import {
  type BreakdownKey,
  breakdownKeys,
  readBreakdown,
  readSummary,
  readTimeseries,
  timeBuckets,
} from '../../src/db/analytics.ts'
import {
  type AnyEmail,
  anyEmails,
  anyFilter,
  countOf,
  countsIn,
  passes,
  rangeOfAnyEmails,
  storeEmails,
} from '../analytics/arbitrary-emails.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'

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
    // Whole milliseconds, and 0 counts as 1: half a millisecond for the rounding, one for that.
    const exact = Math.max(1, times[Math.ceil(share * times.length) - 1] ?? Number.NaN)
    assert.ok(Math.abs((found ?? Number.NaN) - exact) <= exact * percentileError + 0.5, `${found} for ${exact}`)
  }
}

describe('analytics, as counted from the emails', () => {
  let database: TestDatabase
  before(async () => {
    database = await testDatabase()
  })
  after(() => database.drop())

  it('say what counting one by one says: as a whole, by hour and day, and broken down', async () => {
    const { db } = database
    await fc.assert(
      fc.asyncProperty(anyEmails, anyFilter, async (emails, filter) => {
        await db.$executeRaw`TRUNCATE emails`
        await storeEmails(db, emails)
        const matching = emails.filter((email) => passes(email, filter))
        assertCounts(await readSummary(db, rangeOfAnyEmails, filter), matching)
        for (const bucket of timeBuckets) {
          const bucketMs = bucket === 'hour' ? 3_600_000 : 86_400_000
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
      }),
      { numRuns: 15 },
    )
  })
})

const valuesOf = ({ domain, tags, snapshot, provider }: AnyEmail): Record<BreakdownKey, readonly string[]> => ({
  domain: [domain ?? ''],
  tag: tags,
  priority: [snapshot.priority],
  provider: [provider],
})
