/** Statements on the monthly partitions of events: they are created ahead and dropped when they are old. */
import type pg from 'pg'
import { type Database, sqlStateOf } from './database.ts'

/** The number of months that are created ahead of the current one. */
const monthsAhead = 3

/** A partition of the events table. */
export interface EventMonth {
  /** Such as events_2026_11. The first one has no start: events_before_ and the month after it. */
  readonly name: string
  /** Its exclusive upper bound of `received_at`. */
  readonly until: Date
  /** Whether a detachment was interrupted. */
  readonly isDetaching: boolean
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
    SELECT oid::regclass::text AS name, inhdetachpending AS "isDetaching",
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

/** The comment on a month that is being dropped, so that no other table with a similar name is dropped. */
const removalMark = 'to be dropped'

/**
 * Drops a month with all its events, without blocking reads or writes. Uses the pool, since a concurrent detachment cannot run in a
 * transaction. Requires the owner of the tables.
 */
export async function dropEventMonth({ pool }: Database, { name, isDetaching }: EventMonth): Promise<void> {
  await pool.query(`COMMENT ON TABLE ${name} IS '${removalMark}'`)
  await pool.query(`ALTER TABLE events DETACH PARTITION ${name} ${isDetaching ? 'FINALIZE' : 'CONCURRENTLY'}`)
  await pool.query(`DROP TABLE ${name}`)
}

/** Drops months that were detached by an interrupted call. */
export async function dropDetachedMonths({ pool }: Database): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class
     WHERE relname LIKE 'events\\_%' AND relkind = 'r' AND NOT relispartition AND obj_description(oid, 'pg_class') = $1`,
    [removalMark],
  )
  for (const { name } of rows) await pool.query(`DROP TABLE ${name}`)
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
