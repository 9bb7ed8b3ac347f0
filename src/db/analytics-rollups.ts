/** Statements that keep the roll-ups: which hours are to be counted again, and the counting. */
import { mergedTallies, talliesOf, tallyColumns } from './analytics-tallies.ts'
import type { Database } from './database.ts'
import { Prisma } from './generated/client.ts'

type Transaction = Prisma.TransactionClient

/** What is counted apart: all emails, those to each domain, and those with each tag. */
export const rollupDimensions = ['all', 'domain', 'tag'] as const
export type RollupDimension = (typeof rollupDimensions)[number]

const valueColumn: Record<RollupDimension, Prisma.Sql> = {
  all: Prisma.sql`''::text`,
  domain: Prisma.sql`coalesce(recipient_domain, '')`,
  tag: Prisma.sql`unnest(tags)`,
}

/**
 * For how long an hour is read live after its end. Most emails are delivered and opened within minutes of being sent; an
 * hour that was rolled up at its end would miss what is still under way, and look like an outage until it is counted again.
 */
export const settlingMs = 15 * 60_000

/**
 * Notes which hours are to be counted: those that have ended and settled since the last time, and older ones of which an email has
 * changed. All hours, when the roll-ups are new or the database was restored from a copy, since its transactions are
 * numbered anew then. Indexes: email_changes_pkey, emails_created_at_id_provider_idx.
 * @returns the moment before which every hour has ended and settled.
 */
export async function noteDirtyHours(db: Database): Promise<Date> {
  const [row] = await db.$queryRaw<{ ended: Date }[]>`
    WITH state AS (
      SELECT rolled_through, place::pg_snapshot AS place,
             place IS NULL OR pg_snapshot_xmax(place::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()) AS is_new,
             date_trunc('hour', now() - ${settlingMs} * interval '1 ms', 'UTC') AS ended,
             -- No email is older than email; a clock that was wrong must not make millions of hours.
             date_trunc('hour', greatest((SELECT min(created_at) FROM emails), now() - interval '10 years'), 'UTC') AS first_hour
      FROM analytics_state FOR UPDATE
    ), changed AS (
      SELECT DISTINCT hour FROM state, email_changes
      WHERE NOT is_new AND txid >= pg_snapshot_xmin(place)::text::bigint
        AND NOT pg_visible_in_snapshot(txid::text::xid8, place)
        AND hour IS NOT NULL
    ), untold AS (
      SELECT hours.hour FROM state,
        generate_series(
          coalesce(CASE WHEN NOT is_new THEN rolled_through END, first_hour),
          ended - interval '1 hour', interval '1 hour') AS hours(hour)
      WHERE EXISTS (SELECT FROM emails WHERE created_at >= hours.hour AND created_at < hours.hour + interval '1 hour')
    ), counted AS (
      SELECT DISTINCT starts_at AS hour FROM state, analytics_rollups
      WHERE is_new AND grain = 'hour' AND dimension = 'all'
    ), noted AS (
      INSERT INTO analytics_dirty_hours
      SELECT hour FROM (SELECT * FROM changed UNION SELECT * FROM untold UNION SELECT * FROM counted) AS hours, state
      WHERE hour < ended
      ON CONFLICT DO NOTHING
    )
    UPDATE analytics_state SET place = pg_current_snapshot()::text FROM state RETURNING state.ended`
  if (!row) throw new Error('analytics_state has lost its one row: insert it again, and everything is counted anew')
  return row.ended
}

/** A transaction's statements share this; ours take some milliseconds each. */
const transactionTimeoutMs = 60_000

/**
 * Counts the oldest of the noted hours again, and the days that they belong to. Nobody sees half of it, and doing it
 * again changes nothing. Indexes: emails_created_at_id_provider_idx, analytics_rollups_pkey.
 * @param ended what {@link noteDirtyHours} said.
 * @returns how many hours were counted; less than `limit` when no more are noted.
 */
export const rollUpHours = (db: Database, ended: Date, limit: number): Promise<number> =>
  db.$transaction(
    async (transaction) => {
      // One at a time: two that count hours of one day would both write the day.
      await transaction.$executeRaw`SELECT 1 FROM analytics_state FOR UPDATE`
      const due = await transaction.$queryRaw<{ hour: Date }[]>`
        DELETE FROM analytics_dirty_hours
        WHERE hour IN (SELECT hour FROM analytics_dirty_hours WHERE hour < ${iso(ended)}::timestamptz ORDER BY hour LIMIT ${limit})
        RETURNING hour`
      const hours = due.map(({ hour }) => hour)
      await countHours(transaction, hours)
      await addUpDays(transaction, daysOf(hours, ended))
      const last = hours.length < limit ? ended : new Date(Math.max(...hours.map(Number)) + hourMs)
      await transaction.$executeRaw`
        UPDATE analytics_state SET rolled_through = greatest(rolled_through, ${iso(last)}::timestamptz), rolled_at = now()`
      return hours.length
    },
    { timeout: transactionTimeoutMs, maxWait: transactionTimeoutMs },
  )

const [hourMs, dayMs] = [3_600_000, 86_400_000]
const iso = (time: Date): string => time.toISOString()

/** The whole UTC days that hours belong to. */
const daysOf = (hours: readonly Date[], ended: Date): Date[] =>
  [...new Set(hours.map((hour) => Math.floor(hour.getTime() / dayMs) * dayMs))]
    .filter((day) => day + dayMs <= ended.getTime())
    .map((day) => new Date(day))

const columns = Prisma.raw(['starts_at', 'value', 'provider', 'priority', ...tallyColumns, 'bins', 'counts'].join(', '))
const keys = Prisma.sql`starts_at, value, provider, priority`

async function countHours(transaction: Transaction, hours: readonly Date[]): Promise<void> {
  const given = hours.map(iso)
  await transaction.$executeRaw`
    DELETE FROM analytics_rollups
    WHERE grain = 'hour' AND dimension IN ('all', 'domain', 'tag') AND starts_at = ANY(${given}::timestamptz[])`
  const emails = Prisma.sql`
    SELECT emails.* FROM unnest(${given}::timestamptz[]) AS due(hour)
    JOIN emails ON created_at >= due.hour AND created_at < due.hour + interval '1 hour'`
  for (const dimension of rollupDimensions) {
    const keyed = Prisma.sql`date_trunc('hour', created_at, 'UTC') AS starts_at, ${valueColumn[dimension]} AS value`
    await transaction.$executeRaw`
      INSERT INTO analytics_rollups (grain, dimension, ${columns})
      SELECT 'hour', ${dimension}, ${columns} FROM (${talliesOf(emails, keyed, keys)}) AS tallies`
  }
}

async function addUpDays(transaction: Transaction, days: readonly Date[]): Promise<void> {
  const given = days.map(iso)
  await transaction.$executeRaw`
    DELETE FROM analytics_rollups
    WHERE grain = 'day' AND dimension IN ('all', 'domain', 'tag') AND starts_at = ANY(${given}::timestamptz[])`
  for (const dimension of rollupDimensions) {
    const hours = Prisma.sql`
      SELECT days.day AS starts_at, value, provider, priority, ${tallies}, bins, counts
      FROM unnest(${given}::timestamptz[]) AS days(day)
      JOIN analytics_rollups ON grain = 'hour' AND dimension = ${dimension}
        AND analytics_rollups.starts_at >= days.day AND analytics_rollups.starts_at < days.day + interval '1 day'`
    await transaction.$executeRaw`
      INSERT INTO analytics_rollups (grain, dimension, ${columns})
      SELECT 'day', ${dimension}, ${columns} FROM (${mergedTallies(hours, keys)}) AS tallies`
  }
}

const tallies = Prisma.raw(tallyColumns.join(', '))

/**
 * Deletes changes that are older than `keepMs`, but none that the roll-ups have yet to see. Index: email_changes_pkey,
 * from its old end to the first row that stays.
 */
export const pruneChanges = (db: Database, keepMs: number): Promise<number> => db.$executeRaw`
  WITH kept AS (
    UPDATE analytics_state SET pruned_below = greatest(pruned_below, least(
      pg_snapshot_xmin(place::pg_snapshot)::text::bigint,
      pg_snapshot_xmin(judged_place::pg_snapshot)::text::bigint,
      (SELECT txid FROM email_changes WHERE at >= now() - ${keepMs} * interval '1 ms' ORDER BY txid LIMIT 1)))
    WHERE place IS NOT NULL
    RETURNING pruned_below
  )
  DELETE FROM email_changes USING kept WHERE txid < pruned_below`
