/** SQL that counts emails. Roll-ups and live counts share it, so that they cannot differ. */

import type { Priority } from '../domain/events.ts'
import type { Tally } from '../domain/figures.ts'
import { binGrowth } from '../domain/histogram.ts'
import { hasArrived, recipientsOf, withRecipientCounts } from './analytics-recipients.ts'
import { Prisma } from './generated/client.ts'

/** Which emails are counted; an absent field does not filter. */
export interface AnalyticsFilter {
  readonly provider?: string | undefined
  readonly priority?: Priority | undefined
  readonly tag?: string | undefined
  /** The domain of the first recipient, in lower case. */
  readonly domain?: string | undefined
}

/** `from` inclusive, `to` exclusive. An email counts at the time when it was first stored. */
export interface TimeRange {
  readonly from: Date
  readonly to: Date
}

/** The columns of a tally, each a number of emails, or of recipients, or a sum over them. */
export const tallyColumns = [
  'emails',
  'sent',
  'delivered',
  'hard_bounced',
  'failed',
  'soft_bounced',
  'complained',
  'opened',
  'opened_by_human',
  'clicked',
  'clicked_by_human',
  'timed',
  'recipients',
  'delivered_recipients',
  'delivery_time_sum_ms',
] as const

/** The columns of a tally in SQL. */
export const tallies = Prisma.raw(tallyColumns.join(', '))

/** Emails in a range that match a filter. Index: emails_created_at_id_provider_idx; the filter applies to its rows. */
export function emailsIn(range: TimeRange, filter: AnalyticsFilter): Prisma.Sql {
  return withRecipientCounts(rowsIn(range, filter))
}

/** The recipients of emails in a range that match a filter: see {@link recipientsOf}. Index: emails_created_at_id_provider_idx. */
export function recipientsIn(range: TimeRange, filter: AnalyticsFilter): Prisma.Sql {
  return recipientsOf(rowsIn(range, filter))
}

function rowsIn({ from, to }: TimeRange, { provider, priority, tag, domain }: AnalyticsFilter): Prisma.Sql {
  const conditions = [
    Prisma.sql`created_at >= ${from.toISOString()}::timestamptz AND created_at < ${to.toISOString()}::timestamptz`,
    provider === undefined ? null : Prisma.sql`provider = ${provider}`,
    priority === undefined ? null : Prisma.sql`priority = ${priority}`,
    tag === undefined ? null : Prisma.sql`tags @> ARRAY[${tag}]::text[]`,
    domain === undefined ? null : Prisma.sql`recipient_domain = ${domain}`,
  ].filter((condition) => condition !== null)
  return Prisma.sql`SELECT * FROM emails WHERE ${Prisma.join(conditions, ' AND ')}`
}

/** The delivery time of an email, as `deliveryTimeMsOf` in the domain; null where either end is unknown. */
const deliveryTimeMs = Prisma.sql`extract(epoch FROM delivered_at - least(
  queued_at, sending_at, coalesce(sent_at, CASE WHEN registered_as_sent THEN registered_at END))) * 1000`

/**
 * Tallies of emails, or of recipients: one row per key, with {@link tallyColumns} and the histogram as `bins` and `counts`.
 * @param emails {@link emailsIn} or {@link recipientsIn}.
 * @param keys the grouping keys, each an expression over `emails` with a name: `provider AS provider`.
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
             count(*) FILTER (WHERE delivery = 'bounced')::int AS hard_bounced,
             count(*) FILTER (WHERE delivery = 'failed')::int AS failed,
             count(*) FILTER (WHERE bounce_class IS NOT NULL AND delivery NOT IN ('bounced', 'failed'))::int AS soft_bounced,
             count(*) FILTER (WHERE complained_at IS NOT NULL)::int AS complained,
             count(*) FILTER (WHERE arrived AND opens_total > 0)::int AS opened,
             count(*) FILTER (WHERE arrived AND opens_human > opens_judged_machine)::int AS opened_by_human,
             count(*) FILTER (WHERE arrived AND clicks_total > 0)::int AS clicked,
             count(*) FILTER (WHERE arrived AND clicks_human > clicks_judged_machine)::int AS clicked_by_human,
             count(bin)::int AS timed,
             coalesce(sum(recipient_count), 0)::int AS recipients,
             coalesce(sum(delivered_recipient_count), 0)::int AS delivered_recipients,
             coalesce(sum(delivery_time_ms), 0)::float8 AS delivery_time_sum_ms
      FROM (
        SELECT *, CASE WHEN span_ms IS NOT NULL THEN greatest(span_ms, 0)::float8 END AS delivery_time_ms,
               CASE WHEN span_ms IS NOT NULL THEN ceil(ln(greatest(span_ms, 1)::float8) / ${lnGrowth})::int END AS bin
        FROM (
          SELECT *, ${keys}, ${deliveryTimeMs} AS span_ms, ${hasArrived('emails')} AS arrived
          FROM (${emails}) AS emails
        ) AS timed_emails
      ) AS binned_emails
      GROUP BY ${names}, bin
    ) AS tallies_by_bin
    GROUP BY ${names}`
}

/** A literal, since a bound number would be sent as text. */
const lnGrowth = Prisma.raw(`${Math.log(binGrowth)}::float8`)

/** The sum of each tally column, under its own name. */
const sumsOfTallies = Prisma.raw(
  tallyColumns
    .map((column) => `sum(${column})::${column === 'delivery_time_sum_ms' ? 'float8' : 'int'} AS ${column}`)
    .join(', '),
)

/**
 * Adds up tallies by key.
 * @param parts a query that yields tallies: keys, tally columns, `bins` and `counts`.
 * @param names the names of the keys; none of them null.
 * @param order ORDER BY with a LIMIT, if not all keys are needed.
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
  failed: row.failed,
  softBounced: row.soft_bounced,
  complained: row.complained,
  opened: row.opened,
  openedByHuman: row.opened_by_human,
  clicked: row.clicked,
  clickedByHuman: row.clicked_by_human,
  timed: row.timed,
  recipients: row.recipients,
  deliveredRecipients: row.delivered_recipients,
  deliveryTimeSumMs: row.delivery_time_sum_ms,
  deliveryTimeBins: row.bins.map((index, position) => ({ index, count: row.counts[position] ?? 0 })),
})
