/** Statements on the monthly partitions of events: they are created ahead and dropped when they are old. */
import type pg from 'pg'
import { type Database, sqlStateOf } from './database.ts'
import { untilLocked } from './lock-attempts.ts'

/** The number of months that are created ahead of the current one. */
const monthsAhead = 3

/** A partition of the events table. */
export interface EventMonth {
  /** Such as events_2026_11. The first one has no start: events_before_ and the month after it. */
  readonly name: string
  /** Its exclusive upper bound of `received_at`. */
  readonly until: Date
}

/** Creates the missing months ahead, without blocking statements. @returns the number of created months. */
export async function createEventMonths(db: Database): Promise<number> {
  const [row] = await db.$queryRaw<{ created: number }[]>`SELECT make_event_months(${monthsAhead}::int) AS created`
  return row?.created ?? 0
}

/** The existing months, the oldest first. */
export async function readEventMonths({
  pool,
}: {
  readonly pool: Pick<pg.ClientBase, 'query'>
}): Promise<EventMonth[]> {
  const { rows } = await pool.query<EventMonth>(`
    SELECT oid::regclass::text AS name,
           (regexp_match(pg_get_expr(relpartbound, oid), 'TO \\(''([^'']+)''\\)$'))[1]::timestamptz AS until
    FROM pg_class JOIN pg_inherits ON inhrelid = oid
    WHERE inhparent = 'events'::regclass
    ORDER BY until`)
  return rows
}

/** The number of pending events that were received before `until`. Index: events_pending. */
export async function countPendingBefore(db: Database, until: Date): Promise<number> {
  const [row] = await db.$queryRaw<{ count: number }[]>`
    SELECT count(*)::int AS count FROM events
    WHERE received_at < ${until.toISOString()}::timestamptz AND applied_at IS NULL AND quarantined_reason IS NULL`
  return row?.count ?? 0
}

/** Half a minute: the next attempt of the activity continues. */
const dropAttempts = 60

/**
 * Drops a month that has ended, with all its events. Locks the table events for milliseconds; if it is in use, the attempt ends after 300 ms
 * and is repeated. Requires the right to call the function, not ownership.
 * @throws if the month has not ended or has pending events, or if the table is in use for half a minute.
 */
export const dropEventMonth = ({ pool }: Database, { name }: Pick<EventMonth, 'name'>): Promise<unknown> =>
  untilLocked(() => pool.query('SELECT drop_event_month($1)', [name]), dropAttempts)

/** Drops months that a worker of an older release has detached, marked by a comment, and not dropped. */
export async function dropDetachedMonths(db: Database): Promise<void> {
  const { rows } = await db.pool.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relname LIKE 'events\\_%' AND relkind = 'r' AND NOT relispartition
       AND obj_description(oid, 'pg_class') = 'to be dropped'`,
  )
  for (const month of rows) await dropEventMonth(db, month)
}

/**
 * Deletes the identities of events whose month was dropped, at most `limit`. Index: event_identities_received.
 * @returns the number of deleted identities; less than `limit` when none is left.
 */
export const deleteDroppedIdentities = (db: Database, limit: number): Promise<number> => db.$executeRaw`
  DELETE FROM event_identities WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM event_identities
    WHERE received_at < (
      -- The first partition has no start: while it exists, nothing was dropped.
      SELECT CASE WHEN bool_and(starts IS NOT NULL) THEN min(starts) END
      FROM pg_class JOIN pg_inherits ON inhrelid = oid
      CROSS JOIN LATERAL (SELECT
        (regexp_match(pg_get_expr(relpartbound, oid), 'FROM \\(''([^'']+)''\\)'))[1]::timestamptz AS starts) AS month
      WHERE inhparent = 'events'::regclass)
    LIMIT ${limit}))`

/** PostgreSQL's message for a row without a partition, with SQLSTATE 23514, check_violation. */
const noPartition = /no partition of relation/

/** Runs a statement that stores events. Creates their month if it does not exist, because no process ran for months. */
export async function withMonthCreated<T>(db: Database, store: () => Promise<T>): Promise<T> {
  try {
    return await store()
  } catch (error) {
    if (sqlStateOf(error) !== '23514' || !(error instanceof Error && noPartition.test(error.message))) throw error
    await createEventMonths(db)
    return store()
  }
}
