/** How emails are counted: the same words wherever they are, so that a roll-up and a plain count cannot differ. */
import type { Tally } from '../analytics/figures.ts'
import { binGrowth } from '../analytics/histogram.ts'
import type { Priority } from '../domain/events.ts'
import { Prisma } from './generated/client.ts'

/** Which emails are counted; what is left out does not matter. */
export interface AnalyticsFilter {
  readonly provider?: string | undefined
  readonly priority?: Priority | undefined
  readonly tag?: string | undefined
  /** The domain of the first recipient, in lower case. */
  readonly domain?: string | undefined
}

/** From the first moment to before the second. An email belongs to the moment at which it was first stored. */
export interface TimeRange {
  readonly from: Date
  readonly to: Date
}

/** The columns of a tally, each a number of emails or a sum over them. */
export const tallyColumns = [
  'emails',
  'sent',
  'delivered',
  'hard_bounced',
  'soft_bounced',
  'complained',
  'opened',
  'opened_by_human',
  'clicked',
  'clicked_by_human',
  'timed',
  'delivery_time_sum_ms',
] as const

/** Emails in a range that pass a filter. Index: emails_created_at_id_provider_idx; the filter narrows what it yields. */
export function emailsIn({ from, to }: TimeRange, { provider, priority, tag, domain }: AnalyticsFilter): Prisma.Sql {
  const conditions = [
    Prisma.sql`created_at >= ${from.toISOString()}::timestamptz AND created_at < ${to.toISOString()}::timestamptz`,
    provider === undefined ? null : Prisma.sql`provider = ${provider}`,
    priority === undefined ? null : Prisma.sql`priority = ${priority}`,
    tag === undefined ? null : Prisma.sql`tags @> ARRAY[${tag}]::text[]`,
    domain === undefined ? null : Prisma.sql`recipient_domain = ${domain}`,
  ].filter((condition) => condition !== null)
  return Prisma.sql`SELECT * FROM emails WHERE ${Prisma.join(conditions, ' AND ')}`
}

/** The delivery time of an email, as `deliveryTimeMsOf` in the domain has it; null where either end is unknown. */
const deliveryTimeMs = Prisma.sql`extract(epoch FROM delivered_at - least(
  queued_at, sending_at, coalesce(sent_at, CASE WHEN registered_as_sent THEN registered_at END))) * 1000`

/**
 * Tallies of emails by key: one row a key, with {@link tallyColumns} and the histogram as `bins` and `counts`.
 * @param emails a query that yields rows of `emails`.
 * @param keys what they are grouped by, each an expression over `emails` with a name: `provider AS provider`.
 * @param names the names of the keys.
 */
export function talliesOf(emails: Prisma.Sql, keys: Prisma.Sql, names: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
    SELECT ${names}, ${sumsOfTallies},
           coalesce(array_agg(bin ORDER BY bin) FILTER (WHERE bin IS NOT NULL), '{}') AS bins,
           coalesce(array_agg(timed ORDER BY bin) FILTER (WHERE bin IS NOT NULL), '{}') AS counts
    FROM (
      SELECT ${names}, bin, count(*)::int AS emails,
             count(*) FILTER (WHERE delivery NOT IN ('queued', 'sending') OR arrived)::int AS sent,
             count(*) FILTER (WHERE arrived)::int AS delivered,
             count(*) FILTER (WHERE bounce_class = 'hard')::int AS hard_bounced,
             count(*) FILTER (WHERE bounce_class = 'soft')::int AS soft_bounced,
             count(*) FILTER (WHERE complained_at IS NOT NULL)::int AS complained,
             count(*) FILTER (WHERE arrived AND opens_total > 0)::int AS opened,
             count(*) FILTER (WHERE arrived AND opens_human > opens_judged_machine)::int AS opened_by_human,
             count(*) FILTER (WHERE arrived AND clicks_total > 0)::int AS clicked,
             count(*) FILTER (WHERE arrived AND clicks_human > clicks_judged_machine)::int AS clicked_by_human,
             count(bin)::int AS timed,
             coalesce(sum(delivery_time_ms), 0)::float8 AS delivery_time_sum_ms
      FROM (
        SELECT *, CASE WHEN span_ms IS NOT NULL THEN greatest(span_ms, 0)::float8 END AS delivery_time_ms,
               CASE WHEN span_ms IS NOT NULL THEN ceil(ln(greatest(span_ms, 1)::float8) / ${lnGrowth})::int END AS bin
        FROM (
          SELECT *, ${keys}, ${deliveryTimeMs} AS span_ms,
                 complained_at IS NOT NULL
                   OR (settled_received_at IS NOT NULL AND bounce_class IS DISTINCT FROM 'hard') AS arrived
          FROM (${emails}) AS emails
        ) AS timed_emails
      ) AS binned_emails
      GROUP BY ${names}, bin
    ) AS tallies_by_bin
    GROUP BY ${names}`
}

/** Written out, since a bound number would come as text. */
const lnGrowth = Prisma.raw(`${Math.log(binGrowth)}::float8`)

/** The columns of tallies added up, each under its own name. */
const sumsOfTallies = Prisma.raw(
  tallyColumns
    .map((column) => `sum(${column})::${column === 'delivery_time_sum_ms' ? 'float8' : 'int'} AS ${column}`)
    .join(', '),
)

/**
 * Tallies added up by key.
 * @param parts a query that yields tallies: keys, tally columns, `bins` and `counts`.
 * @param names the names of the keys; none of them null.
 * @param order which keys are kept, and in what order: an ORDER BY with a LIMIT. Default: all.
 */
export const mergedTallies = (parts: Prisma.Sql, names: Prisma.Sql, order: Prisma.Sql = Prisma.empty): Prisma.Sql =>
  Prisma.sql`
    WITH parts AS (${parts}), sums AS (
      SELECT ${names}, ${sumsOfTallies} FROM parts GROUP BY ${names} ${order}
    ), binned AS (
      SELECT ${names}, held.bin, sum(held.count)::int AS count
      FROM parts, unnest(parts.bins, parts.counts) AS held(bin, count)
      GROUP BY ${names}, held.bin
    ), histograms AS (
      SELECT ${names}, array_agg(bin ORDER BY bin) AS bins, array_agg(count ORDER BY bin) AS counts
      FROM binned GROUP BY ${names}
    )
    SELECT sums.*, coalesce(histograms.bins, '{}') AS bins, coalesce(histograms.counts, '{}') AS counts
    FROM sums LEFT JOIN histograms USING (${names}) ${order}`

/** A row that {@link talliesOf} yields, without its keys. */
export type TallyRow = Readonly<Record<(typeof tallyColumns)[number], number>> & {
  readonly bins: readonly number[]
  readonly counts: readonly number[]
}

export const tallyOf = (row: TallyRow): Tally => ({
  emails: row.emails,
  sent: row.sent,
  delivered: row.delivered,
  hardBounced: row.hard_bounced,
  softBounced: row.soft_bounced,
  complained: row.complained,
  opened: row.opened,
  openedByHuman: row.opened_by_human,
  clicked: row.clicked,
  clickedByHuman: row.clicked_by_human,
  timed: row.timed,
  deliveryTimeSumMs: row.delivery_time_sum_ms,
  deliveryTimeBins: row.bins.map((index, place) => ({ index, count: row.counts[place] ?? 0 })),
})
