/**
 * Statements that read analytics: ended days and hours from the roll-ups, the newest hour from the emails. src/domain/figures.ts
 * defines the figures.
 */
import { emptyTally, type Tally } from '../domain/figures.ts'
import { countedBy, type RollupDimension } from './analytics-keys.ts'
import {
  type AnalyticsFilter,
  mergedTallies,
  type TallyRow,
  type TimeRange,
  tallies,
  talliesOf,
  tallyOf,
} from './analytics-tallies.ts'
import type { Database } from './database.ts'
import { Prisma } from './generated/client.ts'

export type { AnalyticsFilter, TimeRange } from './analytics-tallies.ts'

export const timeBuckets = ['hour', 'day'] as const
export type TimeBucket = (typeof timeBuckets)[number]

/**
 * An email with several tags counts under each of them. The last three count recipients: by reason and party those who bounced or
 * failed.
 */
export const breakdownKeys = ['domain', 'tag', 'priority', 'provider', 'reason', 'party', 'mailboxProvider'] as const
export type BreakdownKey = (typeof breakdownKeys)[number]

/** Whether a breakdown counts recipients, and not emails. */
export const countsRecipients = (by: BreakdownKey): boolean =>
  by === 'reason' || by === 'party' || by === 'mailboxProvider'

/** The tally of a range. @param range starts and ends at an hour. */
export async function readSummary(db: Database, range: TimeRange, filter: AnalyticsFilter): Promise<Tally> {
  const [row] = await tallyBy<string>(db, range, filter, {
    live: Prisma.sql`''::text`,
    rollups: Prisma.sql`''::text`,
  })
  return row ? tallyOf(row) : emptyTally
}

/**
 * The tallies by UTC hour or day, in order, including empty ones.
 * @param range starts and ends at a bucket.
 */
export async function readTimeseries(
  db: Database,
  range: TimeRange,
  filter: AnalyticsFilter,
  bucket: TimeBucket,
): Promise<{ startsAt: Date; tally: Tally }[]> {
  const rows = await tallyBy<Date>(db, range, filter, bucketKey[bucket])
  const byTime = new Map(rows.map((row) => [row.key.getTime(), tallyOf(row)]))
  return startsOf(range, bucket).map((at) => ({ startsAt: new Date(at), tally: byTime.get(at) ?? emptyTally }))
}

/** The tallies by a key, with the most emails, or recipients, first. */
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

/** A grouping key: an expression over emails or recipients, and the same over roll-ups. */
interface TallyKey {
  readonly live: Prisma.Sql
  readonly rollups: Prisma.Sql
  /** The dimension that the key distinguishes; default: none. */
  readonly dimension?: Exclude<RollupDimension, 'all'>
  /** Whether roll-ups of days are too coarse. */
  readonly needsHours?: boolean
}

const bucketKey: Record<TimeBucket, TallyKey> = {
  hour: { live: Prisma.sql`date_trunc('hour', created_at, 'UTC')`, rollups: Prisma.sql`starts_at`, needsHours: true },
  day: {
    live: Prisma.sql`date_trunc('day', created_at, 'UTC')`,
    rollups: Prisma.sql`date_trunc('day', starts_at, 'UTC')`,
  },
}

const keyOf = (dimension: Exclude<RollupDimension, 'all'>): TallyKey => ({
  live: countedBy[dimension].value,
  rollups: Prisma.sql`value`,
  dimension,
})

const breakdownKey: Record<BreakdownKey, TallyKey> = {
  domain: keyOf('domain'),
  tag: keyOf('tag'),
  priority: { live: Prisma.sql`priority`, rollups: Prisma.sql`priority` },
  provider: { live: Prisma.sql`provider`, rollups: Prisma.sql`provider` },
  reason: keyOf('reason'),
  party: keyOf('party'),
  mailboxProvider: keyOf('mailbox_provider'),
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
  const live = countedLive({ from: through, to: range.to }, filter, key)
  const parts =
    dimension === null
      ? live
      : Prisma.sql`${rollupsIn({ from: range.from, to: through }, filter, key, dimension)} UNION ALL ${live}`
  const order = limit === undefined ? Prisma.empty : Prisma.sql`ORDER BY emails DESC, key LIMIT ${limit}`
  return db.$queryRaw(mergedTallies(parts, Prisma.sql`key`, order))
}

/**
 * The roll-up dimension that answers a query; null if none does, and the emails are counted: there are roll-ups by domain and by
 * tag and so on, but not by two of them.
 */
function dimensionFor({ tag, domain }: AnalyticsFilter, { dimension }: TallyKey): RollupDimension | null {
  const needed = new Set<RollupDimension>([
    ...(dimension === undefined ? [] : [dimension]),
    ...(tag === undefined ? [] : (['tag'] as const)),
    ...(domain === undefined ? [] : (['domain'] as const)),
  ])
  // A breakdown by tag of the emails with one tag also counts their other tags.
  if (needed.size > 1 || (dimension === 'tag' && tag !== undefined)) return null
  const [only = 'all'] = needed
  return only
}

/** The time before which every hour is in the roll-ups; null while none is. Reads one row. */
export async function readRolledThrough(db: Database): Promise<Date | null> {
  const state = await db.analyticsState.findUnique({ where: { id: 1 }, select: { rolledThrough: true } })
  return state?.rolledThrough ?? null
}

const within = ({ from, to }: TimeRange, time: Date): Date =>
  new Date(Math.min(Math.max(time.getTime(), from.getTime()), to.getTime()))

/** The tallies of a range by key, counted from the emails or their recipients. */
function countedLive(range: TimeRange, filter: AnalyticsFilter, { live, dimension }: TallyKey): Prisma.Sql {
  const counted = countedBy[dimension ?? 'all'].source(range, filter)
  return Prisma.sql`SELECT key, ${tallies}, bins, counts
    FROM (${talliesOf(counted, Prisma.sql`${live} AS key`, Prisma.sql`key`)}) AS live WHERE key IS NOT NULL`
}

/** The roll-ups of a range: its whole days, and the hours before and after them. Index: analytics_rollups_pkey. */
function rollupsIn(range: TimeRange, filter: AnalyticsFilter, key: TallyKey, dimension: RollupDimension): Prisma.Sql {
  const days = key.needsHours ? { from: range.to, to: range.to } : wholeDaysIn(range)
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

/** The whole UTC days of a range; an empty range at its end if there is none. */
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
