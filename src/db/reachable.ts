/** Checks that PostgreSQL is reachable and accepts writes. */
import type { Database } from './database.ts'

/** Rejects if PostgreSQL does not answer. Reads no table. */
export const pingDatabase = (db: Database): Promise<unknown> => db.$queryRaw`SELECT 1`

/**
 * Whether events can be stored: PostgreSQL is not a standby, transactions may write, the role may insert events, and a commit reaches
 * the disk and a synchronous standby. It commits a message to the write-ahead log, which leaves no row. It does not detect a disk
 * that is full for tables but not for the log.
 * @throws when PostgreSQL does not answer.
 */
export async function acceptsWrites(db: Database): Promise<boolean> {
  const [row] = await db.$queryRaw<{ written: string | null }[]>`
    SELECT CASE WHEN NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::bool
                  AND has_table_privilege('events', 'INSERT')
                THEN pg_logical_emit_message(true, 'aftersend', '')::text END AS written`
  return row !== undefined && row.written !== null
}
