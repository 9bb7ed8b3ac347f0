/** Statements that read analytics. What each figure means stands in src/analytics/figures.ts. */
import { emptyTally, type Tally } from '../analytics/figures.ts'
import { type AnalyticsFilter, emailsIn, type TallyRow, type TimeRange, talliesOf, tallyOf } from './analytics-count.ts'
import type { Database } from './database.ts'
import { Prisma } from './generated/client.ts'

export type { AnalyticsFilter, TimeRange } from './analytics-count.ts'

export const timeBuckets = ['hour', 'day'] as const
export type TimeBucket = (typeof timeBuckets)[number]

/** By what emails can be broken down. An email with several tags counts under each of them. */
export const breakdownKeys = ['domain', 'tag', 'priority', 'provider'] as const
export type BreakdownKey = (typeof breakdownKeys)[number]

/** What the emails of a range add up to. */
export async function readSummary(db: Database, range: TimeRange, filter: AnalyticsFilter): Promise<Tally> {
  const [row] = await tallyBy<string>(db, range, filter, Prisma.sql`''::text`)
  return row ? tallyOf(row) : emptyTally
}

/**
 * The same by UTC hour or day, in order, with those in which nothing happened.
 * @param range begins and ends where a bucket does.
 */
export async function readTimeseries(
  db: Database,
  range: TimeRange,
  filter: AnalyticsFilter,
  bucket: TimeBucket,
): Promise<{ startsAt: Date; tally: Tally }[]> {
  const key =
    bucket === 'hour'
      ? Prisma.sql`date_trunc('hour', created_at, 'UTC')`
      : Prisma.sql`date_trunc('day', created_at, 'UTC')`
  const rows = await tallyBy<Date>(db, range, filter, key)
  const tallies = new Map(rows.map((row) => [row.key.getTime(), tallyOf(row)]))
  return startsOf(range, bucket).map((at) => ({ startsAt: new Date(at), tally: tallies.get(at) ?? emptyTally }))
}

/** The same by domain, tag, priority or provider: those with the most emails first, at most `limit` of them. */
export async function readBreakdown(
  db: Database,
  range: TimeRange,
  filter: AnalyticsFilter,
  by: BreakdownKey,
  limit: number,
): Promise<{ value: string; tally: Tally }[]> {
  const rows = await tallyBy<string>(db, range, filter, keyOf[by])
  return rows
    .toSorted((a, b) => b.emails - a.emails || (a.key < b.key ? -1 : 1))
    .slice(0, limit)
    .map((row) => ({ value: row.key, tally: tallyOf(row) }))
}

const keyOf: Record<BreakdownKey, Prisma.Sql> = {
  domain: Prisma.sql`coalesce(recipient_domain, '')`,
  tag: Prisma.sql`unnest(tags)`,
  priority: Prisma.sql`priority`,
  provider: Prisma.sql`provider`,
}

const tallyBy = <Key>(
  db: Database,
  range: TimeRange,
  filter: AnalyticsFilter,
  key: Prisma.Sql,
): Promise<(TallyRow & { key: Key })[]> =>
  db.$queryRaw(talliesOf(emailsIn(range, filter), Prisma.sql`${key} AS key`, Prisma.sql`key`))

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

function startsOf({ from, to }: TimeRange, bucket: TimeBucket): number[] {
  const stepMs = bucket === 'hour' ? hourMs : dayMs
  const count = Math.max(0, Math.ceil((to.getTime() - from.getTime()) / stepMs))
  return Array.from({ length: count }, (_, index) => from.getTime() + index * stepMs)
}
