/**
 * Brings a database's tables up to date: runs each script in prisma/migrations that the database lacks, and records it in
 * `_prisma_migrations` as `prisma migrate deploy` does, so that Prisma's own tools read the record.
 */
import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { completeEventIndexes } from './event-indexes.ts'
import { secureProjectRows } from './project-rows.ts'
import { grantRuntimeRights } from './runtime-rights.ts'

/** Where migrations are authored: one folder each, named by time. */
export const migrationsPath = fileURLToPath(new URL('../../prisma/migrations', import.meta.url))

/** A migration failed, or the database is in no state to take one. The message says what to do. */
export class MigrationError extends Error {
  override name = 'MigrationError'
}

export interface MigrateOptions {
  readonly databaseUrl: string
  /** Default {@link migrationsPath}. */
  readonly path?: string
}

export interface Migration {
  /** Its folder's name, such as `20261124000000_first_tables`. */
  readonly name: string
  /** Its migration.sql. */
  readonly script: string
}

/** Any number, the same for all: processes that migrate one database at a time take turns by it. */
const advisoryLock = 4_022_026

/**
 * Applies the migrations that the database does not have yet. Safe to call from many processes at once. A migration that was
 * edited after it was applied is not applied again.
 * @returns the names of those applied now.
 * @throws MigrationError when one fails; the database keeps what came before it.
 */
export async function applyMigrations({ databaseUrl, path = migrationsPath }: MigrateOptions): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 })
  // A connection that breaks while it only waits would end the process; its next query gets the error.
  client.on('error', () => {})
  await client.connect()
  try {
    await waitForTurn(client)
    const migrations = await readMigrations(path)
    await createRecord(client)
    const missing = await readMissing(client, migrations)
    if (missing.length > 0) await requireOwner(client)
    for (const migration of missing) await apply(client, migration)
    await completeEventIndexes(client)
    await grantRuntimeRights(client)
    await secureProjectRows(client)
    return missing.map(({ name }) => name)
  } finally {
    // Closing the connection lets go of the lock.
    await client.end()
  }
}

/**
 * Asks again and again rather than waits inside PostgreSQL: a statement that waits holds a snapshot, and an index that is
 * built CONCURRENTLY waits for every snapshot older than itself; each would wait for the other for ever.
 */
async function waitForTurn(client: pg.Client): Promise<void> {
  const ask = async (): Promise<boolean> => {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [advisoryLock])
    return rows[0]?.taken === true
  }
  while (!(await ask())) await sleep(100)
}

/** The migrations on disk, in order. @throws MigrationError for a folder without its script. */
export async function readMigrations(path = migrationsPath): Promise<Migration[]> {
  const entries = await readdir(path, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return Promise.all(names.sort().map(async (name) => ({ name, script: await readScript(`${path}/${name}`) })))
}

async function readScript(folder: string): Promise<string> {
  try {
    return await readFile(`${folder}/migration.sql`, 'utf8')
  } catch (cause) {
    throw new MigrationError(`${folder} has no migration.sql that can be read: complete it, or delete the folder.`, {
      cause,
    })
  }
}

/** Creates `_prisma_migrations` with Prisma's definition, if it is missing. @throws MigrationError if other tables exist. */
async function createRecord(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ is_there: boolean; has_tables: boolean }>(`
    SELECT to_regclass('_prisma_migrations') IS NOT NULL AS is_there, EXISTS (
      SELECT FROM pg_class WHERE relkind = 'r' AND relnamespace = to_regnamespace(quote_ident(current_schema())) AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')) AS has_tables`)
  if (rows[0]?.is_there) return
  if (rows[0]?.has_tables) {
    throw new MigrationError(
      'The database is not empty, and has no table _prisma_migrations: set DATABASE_URL to an empty database, or to one that ' +
        'Aftersend has migrated.',
    )
  }
  await client.query(`
    CREATE TABLE _prisma_migrations (
      id varchar(36) PRIMARY KEY,
      checksum varchar(64) NOT NULL,
      finished_at timestamptz,
      migration_name varchar(255) NOT NULL,
      logs text,
      rolled_back_at timestamptz,
      started_at timestamptz NOT NULL DEFAULT now(),
      applied_steps_count integer NOT NULL DEFAULT 0)`)
}

const howToMend =
  'Mend the migration and whatever of it is in the database, delete its row from _prisma_migrations (the one without ' +
  'finished_at), then start again.'

interface RecordedMigration {
  readonly name: string
  readonly started_at: Date
  readonly is_finished: boolean
  readonly logs: string | null
}

/** @throws MigrationError when the database has a migration that was started and not finished. */
async function readMissing(client: pg.Client, migrations: readonly Migration[]): Promise<Migration[]> {
  const { rows } = await client.query<RecordedMigration>(`
    SELECT migration_name AS name, started_at, finished_at IS NOT NULL AS is_finished, logs FROM _prisma_migrations
    WHERE rolled_back_at IS NULL ORDER BY started_at`)
  const unfinished = rows.filter((row) => !row.is_finished)
  if (unfinished.length > 0) throw new MigrationError([...unfinished.map(describeUnfinished), howToMend].join('\n'))
  const recorded = new Set(rows.map(({ name }) => name))
  return migrations.filter(({ name }) => !recorded.has(name))
}

/** @throws MigrationError for a role that does not own the tables: it can use them, and cannot change them. */
async function requireOwner(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ role: string; owner: string; is_owner: boolean }>(`
    SELECT current_user AS role, relowner::regrole::text AS owner, pg_has_role(relowner, 'USAGE') AS is_owner
    FROM pg_class WHERE oid = '_prisma_migrations'::regclass`)
  const [{ role, owner, is_owner: isOwner } = { role: '', owner: '', is_owner: true }] = rows
  if (isOwner) return
  throw new MigrationError(
    `The database lacks migrations, and its tables are ${owner}'s, not ${role}'s: run the migrations (npm run migrate; the service ` +
      `migrate of Docker Compose) with a DATABASE_URL of ${owner}, then start again.`,
  )
}

function describeUnfinished({ name, started_at, logs }: RecordedMigration): string {
  const why = logs?.trim() ? `:\n${logs.trim()}` : '.'
  return `The migration ${name} was started at ${started_at.toISOString()} and is not finished${why}`
}

async function apply(client: pg.Client, { name, script }: Migration): Promise<void> {
  const id = randomUUID()
  const checksum = createHash('sha256').update(script).digest('hex')
  await client.query('INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)', [
    id,
    checksum,
    name,
  ])
  try {
    await runScript(client, script)
  } catch (error) {
    const logs = explain(error, script)
    await storeLogs(client, id, logs)
    throw new MigrationError(`The migration ${name} failed:\n${logs}\n${howToMend}`, { cause: error })
  }
  await client.query('UPDATE _prisma_migrations SET finished_at = now(), applied_steps_count = 1 WHERE id = $1', [id])
}

/**
 * Sends the script whole, as one simple query. PostgreSQL runs several statements as one transaction, all of it or nothing; one
 * alone runs outside of a transaction, so that it may be CREATE INDEX CONCURRENTLY, or a DO block that commits.
 */
async function runScript(client: pg.Client, script: string): Promise<void> {
  await client.query(script)
  // The rows of this and of all later migrations would be rolled back with it.
  if (client.getTransactionStatus() !== 'I') throw new Error('the script leaves a transaction open: end it with COMMIT')
  // The next script, and the record, run in the same session.
  await client.query('RESET ALL')
}

/** Over a lost connection nothing is stored. The row without finished_at is enough to stop the next run. */
async function storeLogs(client: pg.Client, id: string, logs: string): Promise<void> {
  try {
    await client.query('ROLLBACK; RESET ALL')
    await client.query('UPDATE _prisma_migrations SET logs = $2 WHERE id = $1', [id, logs])
  } catch {}
}

/** PostgreSQL's DETAIL is left out: it quotes rows, and rows hold addresses. */
function explain(error: unknown, script: string): string {
  if (!(error instanceof pg.DatabaseError)) return error instanceof Error ? error.message : String(error)
  const { severity, message, code, position, hint } = error
  const line = position ? ` in line ${script.slice(0, Number(position)).split('\n').length}` : ''
  return `${severity}: ${message} (SQLSTATE ${code})${line}${hint ? `\nHINT: ${hint}` : ''}`
}
