/**
 * Completes indexes on events. PostgreSQL builds none CONCURRENTLY on a table with partitions, and which months there are is
 * known to no migration; so a migration declares the index on the table alone, and it is built month by month here.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'

/** A month that lacks an index of the whole table, with what builds it. */
interface MissingIndex {
  /** The whole table's index. */
  readonly whole: string
  /** The month's. */
  readonly name: string
  readonly build: string
}

/**
 * Builds what months lack of the indexes that were declared `ON ONLY "events"`. Traffic passes. What was broken off is begun
 * anew by the next call.
 * @param client outside of a transaction, with the rights of who owns the tables.
 * @returns the names of those built now.
 */
export async function completeEventIndexes(client: pg.ClientBase): Promise<string[]> {
  const missing = await readMissing(client)
  for (const { whole, name, build } of missing) {
    // Of an earlier attempt: invalid, or not attached any more than it.
    await client.query(`DROP INDEX CONCURRENTLY IF EXISTS event_months.${name}`)
    await client.query(build)
    await attach(client, `ALTER INDEX ${whole} ATTACH PARTITION event_months.${name}`)
  }
  return missing.map(({ name }) => name)
}

/** The index of the whole table is valid once no month lacks it. */
async function readMissing(client: pg.ClientBase): Promise<MissingIndex[]> {
  const { rows } = await client.query<MissingIndex>(`
    SELECT whole.indexrelid::regclass::text AS whole, named.name,
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

const lockNotAvailable = '55P03'

/** Locks the month's index for a moment. A lock that has to wait makes everybody behind it wait; so it is asked for again and again. */
async function attach(client: pg.ClientBase, statement: string): Promise<void> {
  await client.query("SET lock_timeout = '300ms'")
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await client.query(statement)
        return
      } catch (error) {
        const isBusy = error instanceof Error && 'code' in error && error.code === lockNotAvailable
        if (!isBusy || attempt >= 1_000) throw error
        await sleep(200)
      }
    }
  } finally {
    await client.query('RESET lock_timeout')
  }
}
