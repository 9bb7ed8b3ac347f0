/**
 * Completes indexes on events. PostgreSQL cannot build an index CONCURRENTLY on a partitioned table, and a migration does not know
 * the months. So a migration declares the index `ON ONLY` the table, and this file builds it month by month.
 */
import type pg from 'pg'
import { untilLocked } from './lock-attempts.ts'

/** An index of the whole table that a month lacks, with the statement that builds it. */
interface MissingIndex {
  /** The index of the whole table. */
  readonly whole: string
  /** The index of the month, with its schema. */
  readonly name: string
  readonly build: string
}

/**
 * Builds the missing indexes of months, for indexes that were declared `ON ONLY "events"`. Does not block reads or writes. An
 * interrupted build is repeated by the next call.
 * @param client outside of a transaction, as the owner of the tables.
 * @returns the names of the built indexes.
 */
export async function completeEventIndexes(client: pg.ClientBase): Promise<string[]> {
  const missing = await readMissing(client)
  for (const { whole, name, build } of missing) {
    // Left by an interrupted attempt: invalid, or not attached.
    await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`)
    await client.query(build)
    await attach(client, `ALTER INDEX ${whole} ATTACH PARTITION ${name}`)
  }
  return missing.map(({ name }) => name)
}

/** The index of the whole table is valid when no month lacks it. */
async function readMissing(client: pg.ClientBase): Promise<MissingIndex[]> {
  const { rows } = await client.query<MissingIndex>(`
    SELECT whole.indexrelid::regclass::text AS whole, month_table.relnamespace::regnamespace || '.' || named.name AS name,
           format('CREATE %s CONCURRENTLY %s ON %s%s', CASE WHEN whole.indisunique THEN 'UNIQUE INDEX' ELSE 'INDEX' END,
                  named.name, month.inhrelid::regclass, substring(pg_get_indexdef(whole.indexrelid) FROM ' USING .*$')) AS build
    FROM pg_index AS whole
    JOIN pg_inherits AS month ON month.inhparent = whole.indrelid AND NOT month.inhdetachpending
    JOIN pg_class AS month_table ON month_table.oid = month.inhrelid
    JOIN pg_class AS whole_index ON whole_index.oid = whole.indexrelid
    CROSS JOIN LATERAL (SELECT quote_ident(left(month_table.relname || '_' || whole_index.relname, 63)) AS name) AS named
    WHERE whole.indrelid = to_regclass('events') AND NOT whole.indisvalid
      AND NOT EXISTS (
        SELECT FROM pg_inherits AS attached JOIN pg_index AS part ON part.indexrelid = attached.inhrelid
        WHERE attached.inhparent = whole.indexrelid AND part.indrelid = month.inhrelid)
    ORDER BY 1, 2`)
  return rows
}

/** Locks the month's index for a moment. A waiting lock blocks all later statements, so it times out and is requested again. */
async function attach(client: pg.ClientBase, statement: string): Promise<void> {
  await client.query("SET lock_timeout = '300ms'")
  try {
    await untilLocked(() => client.query(statement))
  } finally {
    await client.query('RESET lock_timeout')
  }
}
