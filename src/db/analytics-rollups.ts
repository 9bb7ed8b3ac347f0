/** Statements that maintain the roll-ups: they mark the hours to recount, and recount them. */
import { countedBy, rollupDimensions } from './analytics-keys.ts'
import { emailsIn, mergedTallies, recipientsIn, tallies, talliesOf, tallyColumns } from './analytics-tallies.ts'
import type { Database } from './database.ts'
import { iso } from './epoch-ms.ts'
import { markForExport } from './export-marks.ts'
import { Prisma } from './generated/client.ts'

type Transaction = Prisma.TransactionClient

/**
 * An hour is read live for this long after its end. Most emails are delivered and opened within minutes after they are sent; an
 * hour that is rolled up at its end misses these, and looks like an outage until it is recounted.
 */
export const settlingMs = 15 * 60_000

/**
 * An hour with a changed email is recounted after this share of its age, once for all changes until then: opens arrive for weeks,
 * and each would cause a recount of its hour. So figures lag by at most this share of their age, and an hour is counted about 80
 * times in its first month instead of at every run.
 */
export const recountShare = 1 / 12

/**
 * Marks the hours to count and when: hours that have ended and settled since the last call at once; an older hour with a changed
 * email after {@link recountShare} of its age. All hours at once if the roll-ups are new, the database was restored from a copy
 * (transaction numbers start again then), or changes were pruned before they were seen.
 * Indexes: email_changes_pkey, emails_created_at_id_provider_idx.
 * @returns the time before which every hour has ended and settled.
 */
export async function markDirtyHours(db: Database): Promise<Date> {
  const [row] = await db.$queryRaw<{ ended: Date }[]>`
    WITH state AS (
      SELECT rolled_through, place::pg_snapshot AS place,
             place IS NULL OR pg_snapshot_xmax(place::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot())
               OR pg_snapshot_xmin(place::pg_snapshot)::text::bigint < pruned_below AS is_new,
             date_trunc('hour', now() - ${settlingMs} * interval '1 ms', 'UTC') AS ended,
             -- Limited to 10 years: a wrong clock must not create millions of hours.
             date_trunc('hour', greatest((SELECT min(created_at) FROM emails), now() - interval '10 years'), 'UTC') AS first_hour
      FROM analytics_state FOR UPDATE
    ), changed AS (
      SELECT DISTINCT hour FROM state, email_changes
      WHERE NOT is_new AND txid >= pg_snapshot_xmin(place)::text::bigint
        AND NOT pg_visible_in_snapshot(txid::text::xid8, place)
        AND hour IS NOT NULL
    ), uncounted AS (
      SELECT hours.hour FROM state,
        generate_series(
          coalesce(CASE WHEN NOT is_new THEN rolled_through END, first_hour),
          ended - interval '1 hour', interval '1 hour') AS hours(hour)
      WHERE EXISTS (SELECT FROM emails WHERE created_at >= hours.hour AND created_at < hours.hour + interval '1 hour')
    ), counted AS (
      SELECT DISTINCT starts_at AS hour FROM state, analytics_rollups
      WHERE is_new AND grain = 'hour' AND dimension = 'all'
    ), due AS (
      SELECT hour, min(due_at) AS due_at FROM (
        SELECT hour, now() + (now() - hour) * ${recountShare}::float8 AS due_at FROM changed, state
        WHERE rolled_through IS NOT NULL AND hour < rolled_through
        UNION ALL SELECT hour, now() FROM uncounted
        UNION ALL SELECT hour, now() FROM counted
      ) AS hours GROUP BY hour
    ), marked AS (
      INSERT INTO analytics_dirty_hours AS known (hour, due_at)
      SELECT hour, due.due_at FROM due, state WHERE hour < ended
      ON CONFLICT (hour) DO UPDATE SET due_at = excluded.due_at WHERE known.due_at > excluded.due_at
    )
    UPDATE analytics_state SET place = pg_current_snapshot()::text FROM state RETURNING state.ended`
  if (!row) throw new Error('the row of analytics_state is missing: insert it, and all hours are counted again')
  await advanceHoursOfDueDays(db)
  return row.ended
}

/** Makes all marked hours of a day due with the first one, since each recounted hour causes its day to be added up again. */
const advanceHoursOfDueDays = (db: Database): Promise<unknown> => db.$executeRaw`
  UPDATE analytics_dirty_hours SET due_at = now()
  WHERE due_at > now() AND date_trunc('day', hour, 'UTC') IN (
    SELECT date_trunc('day', hour, 'UTC') FROM analytics_dirty_hours WHERE due_at <= now())`

/** Longer than the statement timeout of any pool: an hour of a mailing to millions takes minutes. */
export const rollUpTimeoutMs = 10 * 60_000

/** Runs one step of the roll-ups with a long timeout. Locks the state row: two steps that count hours of one day would both write the day. */
const inStep = <Result>(db: Database, step: (transaction: Transaction, through: Date) => Promise<Result>) =>
  db.$transaction(
    async (transaction) => {
      await transaction.$executeRawUnsafe(`SET LOCAL statement_timeout = ${rollUpTimeoutMs}`)
      const [state] = await transaction.$queryRaw<{ through: Date | null }[]>`
        SELECT rolled_through AS through FROM analytics_state FOR UPDATE`
      return await step(transaction, state?.through ?? new Date(0))
    },
    { timeout: rollUpTimeoutMs, maxWait: rollUpTimeoutMs },
  )

/**
 * Counts the oldest due hour, and adds up the days that are read from roll-ups from now on. One transaction, idempotent.
 * Indexes: emails_created_at_id_provider_idx, analytics_rollups_pkey.
 * @param ended the result of {@link markDirtyHours}.
 * @returns the hour; null when none is due.
 */
export const rollUpHour = (db: Database, ended: Date): Promise<Date | null> =>
  inStep(db, async (transaction, through) => {
    const [due] = await transaction.$queryRaw<{ hour: Date; day: Date }[]>`
      DELETE FROM analytics_dirty_hours WHERE hour = (
        SELECT hour FROM analytics_dirty_hours WHERE hour < ${iso(ended)}::timestamptz AND due_at <= now()
        ORDER BY hour LIMIT 1)
      RETURNING hour, date_trunc('day', hour, 'UTC') AS day`
    if (due) {
      await countHour(transaction, due.hour)
      await transaction.$executeRaw`${markForExport(Prisma.sql`SELECT ${iso(due.hour)}::timestamptz AS hour`)}`
      await transaction.$executeRaw`
        INSERT INTO analytics_dirty_days VALUES (${iso(due.day)}::timestamptz) ON CONFLICT DO NOTHING`
    }
    const next = new Date(Math.max(Number(through), due ? Number(due.hour) + hourMs : Number(ended)))
    await addUpDays(transaction, through, next)
    await transaction.$executeRaw`
      UPDATE analytics_state SET rolled_through = ${iso(next)}::timestamptz, rolled_at = now()`
    return due?.hour ?? null
  })

/**
 * Adds up the oldest day with a recounted hour. Index: analytics_rollups_pkey.
 * @returns the day; null when there is none.
 */
export const rollUpDay = (db: Database): Promise<Date | null> =>
  inStep(db, async (transaction, through) => {
    const [marked] = await transaction.$queryRaw<{ day: Date }[]>`
      DELETE FROM analytics_dirty_days WHERE day = (
        SELECT day FROM analytics_dirty_days WHERE day + interval '1 day' <= ${iso(through)}::timestamptz
        ORDER BY day LIMIT 1)
      RETURNING day`
    if (marked) await addUpDay(transaction, marked.day)
    return marked?.day ?? null
  })

const hourMs = 3_600_000

const columns = Prisma.raw(['starts_at', 'value', 'provider', 'priority', ...tallyColumns, 'bins', 'counts'].join(', '))
const keys = Prisma.sql`starts_at, value, provider, priority`

async function countHour(transaction: Transaction, hour: Date): Promise<void> {
  const at = iso(hour)
  await transaction.$executeRaw`
    DELETE FROM analytics_rollups
    WHERE grain = 'hour' AND dimension = ANY(${[...rollupDimensions]}) AND starts_at = ${at}::timestamptz`
  const range = { from: hour, to: new Date(Number(hour) + hourMs) }
  for (const source of [emailsIn, recipientsIn]) {
    const inserts = rollupDimensions
      .filter((dimension) => countedBy[dimension].source === source)
      .map((dimension) => {
        const keyed = Prisma.sql`${at}::timestamptz AS starts_at, ${countedBy[dimension].value} AS value`
        return Prisma.sql`${Prisma.raw(`by_${dimension}`)} AS (
          INSERT INTO analytics_rollups (grain, dimension, ${columns})
          SELECT 'hour', ${dimension}, ${columns}
          FROM (${talliesOf(Prisma.sql`SELECT * FROM counted`, keyed, keys)}) AS tallies WHERE value IS NOT NULL)`
      })
    // Counted once for all dimensions.
    await transaction.$executeRaw`
      WITH counted AS MATERIALIZED (${source(range, {})}), ${Prisma.join(inserts)} SELECT`
  }
}

/** Adds up the marked days that end after `from` and by `to`. */
async function addUpDays(transaction: Transaction, from: Date, to: Date): Promise<void> {
  const marked = await transaction.$queryRaw<{ day: Date }[]>`
    DELETE FROM analytics_dirty_days
    WHERE day + interval '1 day' > ${iso(from)}::timestamptz AND day + interval '1 day' <= ${iso(to)}::timestamptz
    RETURNING day`
  for (const { day } of marked) await addUpDay(transaction, day)
}

async function addUpDay(transaction: Transaction, day: Date): Promise<void> {
  const at = iso(day)
  await transaction.$executeRaw`
    DELETE FROM analytics_rollups
    WHERE grain = 'day' AND dimension = ANY(${[...rollupDimensions]}) AND starts_at = ${at}::timestamptz`
  for (const dimension of rollupDimensions) {
    const hours = Prisma.sql`
      SELECT ${at}::timestamptz AS starts_at, value, provider, priority, ${tallies}, bins, counts
      FROM analytics_rollups
      WHERE grain = 'hour' AND dimension = ${dimension}
        AND starts_at >= ${at}::timestamptz AND starts_at < ${at}::timestamptz + interval '1 day'`
    await transaction.$executeRaw`
      INSERT INTO analytics_rollups (grain, dimension, ${columns})
      SELECT 'day', ${dimension}, ${columns} FROM (${mergedTallies(hours, keys)}) AS tallies`
  }
}
