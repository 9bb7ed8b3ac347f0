/** Statements that keep the months by which events are stored: made ahead, and dropped as a whole when they are old. */
import type pg from 'pg'
import { type Database, sqlStateOf } from './database.ts'

/** How many months are made ahead of the current one. */
export const monthsAhead = 3

/** A partition of the events table, in the schema event_months. */
export interface EventMonth {
  readonly name: string
  /** Every event in it was received before. */
  readonly until: Date
  /** Whether its removal was begun and broken off. */
  readonly isLeaving: boolean
}

/** Makes what is missing of the months ahead. Locks out nobody. @returns how many it made. */
export async function makeEventMonths(db: Database): Promise<number> {
  const [row] = await db.$queryRaw<{ made: number }[]>`SELECT make_event_months(${monthsAhead}::int) AS made`
  return row?.made ?? 0
}

/** The months that there are, the oldest first. */
export async function readEventMonths({
  pool,
}: {
  readonly pool: Pick<pg.ClientBase, 'query'>
}): Promise<EventMonth[]> {
  const { rows } = await pool.query<EventMonth>(`
    SELECT relname AS name, inhdetachpending AS "isLeaving",
           (regexp_match(pg_get_expr(relpartbound, oid), 'TO \\(''([^'']+)''\\)$'))[1]::timestamptz AS until
    FROM pg_class JOIN pg_inherits ON inhrelid = oid
    WHERE inhparent = 'events'::regclass
    ORDER BY until`)
  return rows
}

/** How many events received before then are still to be applied. Index: events_pending. */
export async function countWaitingBefore(db: Database, until: Date): Promise<number> {
  const [row] = await db.$queryRaw<{ count: number }[]>`
    SELECT count(*)::int AS count FROM events
    WHERE received_at < ${until.toISOString()}::timestamptz AND applied_at IS NULL AND quarantined_reason IS NULL`
  return row?.count ?? 0
}

/**
 * Drops a month with all its events. Traffic passes: PostgreSQL waits for whoever reads it before it goes. Through the pool,
 * since a concurrent detachment may be part of no transaction. Wants a role that owns the tables.
 */
export async function dropEventMonth({ pool }: Database, { name, isLeaving }: EventMonth): Promise<void> {
  const table = tableOf(name)
  await pool.query(`ALTER TABLE events DETACH PARTITION ${table} ${isLeaving ? 'FINALIZE' : 'CONCURRENTLY'}`)
  await pool.query(`DROP TABLE ${table}`)
}

/** Drops what was detached by somebody who came no further. */
export async function dropDetachedMonths({ pool }: Database): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = 'event_months'::regnamespace AND relkind = 'r' AND NOT relispartition`,
  )
  for (const { name } of rows) await pool.query(`DROP TABLE ${tableOf(name)}`)
}

function tableOf(name: string): string {
  if (!/^events_(first|\d{4}_\d{2})$/.test(name)) throw new Error('a table in the schema event_months is none of ours')
  return `event_months.${name}`
}

/**
 * Forgets the identities of events whose month was dropped, at most `limit`. Index: event_identities_received.
 * @returns how many; less than `limit` when no more are left.
 */
export const forgetDroppedIdentities = (db: Database, limit: number): Promise<number> => db.$executeRaw`
  DELETE FROM event_identities WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM event_identities
    WHERE received_at < (
      -- The first partition begins at no time: while it is there, nothing was dropped.
      SELECT CASE WHEN bool_and(starts IS NOT NULL) THEN min(starts) END
      FROM pg_class JOIN pg_inherits ON inhrelid = oid
      CROSS JOIN LATERAL (SELECT
        (regexp_match(pg_get_expr(relpartbound, oid), 'FROM \\(''([^'']+)''\\)'))[1]::timestamptz AS starts) AS month
      WHERE inhparent = 'events'::regclass)
    LIMIT ${limit}))`

/** PostgreSQL's word for a row that no partition takes: class 23, check_violation. */
const noPartition = /no partition of relation/

/**
 * Runs a statement that stores events. If the month that they belong to was never made, since nothing ran for months, it is
 * made at once.
 */
export async function withMonthMade<T>(db: Database, store: () => Promise<T>): Promise<T> {
  try {
    return await store()
  } catch (error) {
    if (sqlStateOf(error) !== '23514' || !(error instanceof Error && noPartition.test(error.message))) throw error
    await makeEventMonths(db)
    return store()
  }
}
