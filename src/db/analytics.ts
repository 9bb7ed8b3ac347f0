/**
 * Statements that read analytics: days and hours that have ended from the roll-ups, the newest hour from the emails. What
 * each figure means stands in src/analytics/figures.ts.
 */
import { emptyTally, type Tally } from '../analytics/figures.ts'
import type { RollupDimension } from './analytics-rollups.ts'
import {
  type AnalyticsFilter,
  emailsIn,
  mergedTallies,
  type TallyRow,
  type TimeRange,
  talliesOf,
  tallyColumns,
  tallyOf,
} from './analytics-tallies.ts'
import type { Database } from './database.ts'
import { Prisma } from './generated/client.ts'

export type { AnalyticsFilter, TimeRange } from './analytics-tallies.ts'

export const timeBuckets = ['hour', 'day'] as const
export type TimeBucket = (typeof timeBuckets)[number]

/** By what emails can be broken down. An email with several tags counts under each of them. */
export const breakdownKeys = ['domain', 'tag', 'priority', 'provider'] as const
export type BreakdownKey = (typeof breakdownKeys)[number]

/** What the emails of a range add up to. The range begins and ends with an hour. */
export async function readSummary(db: Database, range: TimeRange, filter: AnalyticsFilter): Promise<Tally> {
  const [row] = await tallyBy<string>(db, range, filter, {
    emails: Prisma.sql`''::text`,
    rollups: Prisma.sql`''::text`,
  })
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
  const rows = await tallyBy<Date>(db, range, filter, bucketKey[bucket])
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
  const rows = await tallyBy<string>(db, range, filter, breakdownKey[by], limit)
  return rows.map((row) => ({ value: row.key, tally: tallyOf(row) }))
}

/** What tallies are grouped by: an expression over emails, and the same over roll-ups. */
interface TallyKey {
  readonly emails: Prisma.Sql
  readonly rollups: Prisma.Sql
  /** The dimension whose values are told apart; default: none. */
  readonly dimension?: Exclude<RollupDimension, 'all'>
  /** Whether days would be too coarse. */
  readonly wantsHours?: boolean
}

const bucketKey: Record<TimeBucket, TallyKey> = {
  hour: { emails: Prisma.sql`date_trunc('hour', created_at, 'UTC')`, rollups: Prisma.sql`starts_at`, wantsHours: true },
  day: {
    emails: Prisma.sql`date_trunc('day', created_at, 'UTC')`,
    rollups: Prisma.sql`date_trunc('day', starts_at, 'UTC')`,
  },
}

const breakdownKey: Record<BreakdownKey, TallyKey> = {
  domain: { emails: Prisma.sql`coalesce(recipient_domain, '')`, rollups: Prisma.sql`value`, dimension: 'domain' },
  tag: { emails: Prisma.sql`unnest(tags)`, rollups: Prisma.sql`value`, dimension: 'tag' },
  priority: { emails: Prisma.sql`priority`, rollups: Prisma.sql`priority` },
  provider: { emails: Prisma.sql`provider`, rollups: Prisma.sql`provider` },
}

type KeyedTallyRow<Key> = TallyRow & { readonly key: Key }

async function tallyBy<Key>(
  db: Database,
  range: TimeRange,
  filter: AnalyticsFilter,
  key: TallyKey,
  limit?: number,
): Promise<KeyedTallyRow<Key>[]> {
  const dimension = dimensionFor(filter, key)
  const through = dimension === null ? range.from : within(range, (await readRolledThrough(db)) ?? range.from)
  const live = countedEmails({ from: through, to: range.to }, filter, key)
  const parts =
    dimension === null
      ? live
      : Prisma.sql`${rollupsIn({ from: range.from, to: through }, filter, key, dimension)} UNION ALL ${live}`
  const order = limit === undefined ? Prisma.empty : Prisma.sql`ORDER BY emails DESC, key LIMIT ${limit}`
  return db.$queryRaw(mergedTallies(parts, Prisma.sql`key`, order))
}

/**
 * The dimension that holds what is asked for; null if none does: the roll-ups know of domains and of tags, but not of
 * both together. Then the emails are counted.
 */
function dimensionFor({ tag, domain }: AnalyticsFilter, { dimension }: TallyKey): RollupDimension | null {
  const wanted = new Set([
    dimension,
    tag === undefined ? undefined : 'tag',
    domain === undefined ? undefined : 'domain',
  ])
  wanted.delete(undefined)
  // A breakdown by tag of the emails with one tag also counts their other tags.
  if (wanted.size > 1 || (dimension === 'tag' && tag !== undefined)) return null
  const [only] = wanted
  return only === 'tag' || only === 'domain' ? only : 'all'
}

/** Before when every hour is in the roll-ups; null while none is. Reads one row. */
export async function readRolledThrough(db: Database): Promise<Date | null> {
  const state = await db.analyticsState.findUnique({ where: { id: 1 }, select: { rolledThrough: true } })
  return state?.rolledThrough ?? null
}

const within = ({ from, to }: TimeRange, time: Date): Date =>
  new Date(Math.min(Math.max(time.getTime(), from.getTime()), to.getTime()))

/** What the emails of a range add up to by a key, counted now. */
export const countedEmails = (range: TimeRange, filter: AnalyticsFilter, key: Pick<TallyKey, 'emails'>): Prisma.Sql =>
  Prisma.sql`SELECT key, ${tallies}, bins, counts FROM (
    ${talliesOf(emailsIn(range, filter), Prisma.sql`${key.emails} AS key`, Prisma.sql`key`)}) AS live`

const tallies = Prisma.raw(tallyColumns.join(', '))

/** The roll-ups of a range: its whole days, and the hours before and after them. Index: analytics_rollups_pkey. */
function rollupsIn(range: TimeRange, filter: AnalyticsFilter, key: TallyKey, dimension: RollupDimension): Prisma.Sql {
  const days = key.wantsHours ? { from: range.to, to: range.to } : wholeDaysIn(range)
  const value = dimension === 'tag' ? filter.tag : dimension === 'domain' ? filter.domain : undefined
  const conditions = [
    Prisma.sql`dimension = ${dimension}`,
    value === undefined ? null : Prisma.sql`value = ${value}`,
    filter.provider === undefined ? null : Prisma.sql`provider = ${filter.provider}`,
    filter.priority === undefined ? null : Prisma.sql`priority = ${filter.priority}`,
  ].filter((condition) => condition !== null)
  const grains = [
    ['day', days],
    ['hour', { from: range.from, to: days.from }],
    ['hour', { from: days.to, to: range.to }],
  ] as const
  const selects = grains.map(
    ([grain, { from, to }]) => Prisma.sql`
      SELECT ${key.rollups} AS key, ${tallies}, bins, counts FROM analytics_rollups
      WHERE grain = ${grain} AND starts_at >= ${from.toISOString()}::timestamptz
        AND starts_at < ${to.toISOString()}::timestamptz AND ${Prisma.join(conditions, ' AND ')}`,
  )
  return Prisma.join(selects, ' UNION ALL ')
}

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

/** The whole UTC days of a range; none, at its end, if there is no whole one. */
function wholeDaysIn({ from, to }: TimeRange): TimeRange {
  const first = Math.ceil(from.getTime() / dayMs) * dayMs
  const end = Math.floor(to.getTime() / dayMs) * dayMs
  return first < end ? { from: new Date(first), to: new Date(end) } : { from: to, to }
}

function startsOf({ from, to }: TimeRange, bucket: TimeBucket): number[] {
  const stepMs = bucket === 'hour' ? hourMs : dayMs
  const count = Math.max(0, Math.ceil((to.getTime() - from.getTime()) / stepMs))
  return Array.from({ length: count }, (_, index) => from.getTime() + index * stepMs)
}
