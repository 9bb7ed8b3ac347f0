/** Brings a database's tables up to date, as `prisma migrate deploy` does, with the same record in `_prisma_migrations`. */
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { MigrationList } from '@prisma/schema-engine-wasm'
import pg from 'pg'
import { completeEventIndexes } from './event-indexes.ts'
import { noFilters, withSchemaEngine } from './schema-engine.ts'

/** Where migrations are authored: one folder each, named by time. */
export const migrationsPath = fileURLToPath(new URL('../../prisma/migrations', import.meta.url))

/** A migration failed or is recorded as unfinished. The message names it and says what to do. */
export class MigrationError extends Error {
  override name = 'MigrationError'
}

export interface MigrateOptions {
  readonly databaseUrl: string
  /** Default {@link migrationsPath}. */
  readonly path?: string
}

/** Any number, the same for all: processes that migrate one database at a time take turns by it. */
const advisoryLock = 4_022_026

/**
 * Applies the migrations that the database does not have yet. Safe to call from many processes at once.
 * @returns the names of those applied now.
 * @throws MigrationError when one fails; the database keeps what came before it.
 */
export async function applyMigrations({ databaseUrl, path = migrationsPath }: MigrateOptions): Promise<string[]> {
  const guard = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 })
  // A connection that breaks while it only waits would end the process; whoever uses it next gets the error.
  guard.on('error', () => {})
  await guard.connect()
  try {
    await waitForTurn(guard)
    const migrations = await readMigrations(path)
    const applied = await runEngine(databaseUrl, migrations)
    await completeEventIndexes(guard)
    await verify(guard, migrations)
    return applied
  } finally {
    // Closing the connection lets go of the lock.
    await guard.end()
  }
}

/**
 * Asks again and again rather than waits inside PostgreSQL: a statement that waits holds a snapshot, and an index that is
 * built CONCURRENTLY waits for every snapshot older than itself; each would wait for the other for ever.
 */
async function waitForTurn(guard: pg.Client): Promise<void> {
  const ask = async (): Promise<boolean> => {
    const { rows } = await guard.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [advisoryLock])
    return rows[0]?.taken === true
  }
  while (!(await ask())) await sleep(100)
}

const howToMend =
  'Mend the migration and whatever of it is in the database, delete its row from _prisma_migrations (the one without ' +
  'finished_at), then start again.'

async function runEngine(databaseUrl: string, migrationsList: MigrationList): Promise<string[]> {
  try {
    return await withSchemaEngine(databaseUrl, async (engine) => {
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: noFilters })
      return appliedMigrationNames
    })
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    throw new MigrationError(`${detail.trim()}\n${howToMend}`, { cause: error })
  }
}

/** The migrations on disk, in the form that the engine takes. @throws MigrationError for a folder without its script. */
export async function readMigrations(path = migrationsPath): Promise<MigrationList> {
  const entries = await readdir(path, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  const migrationDirectories = await Promise.all(
    names.sort().map(async (name) => ({
      path: name,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok' as const, value: await readScript(`${path}/${name}`) },
      },
    })),
  )
  const content = await readFile(`${path}/migration_lock.toml`, 'utf8')
  return {
    baseDir: path,
    lockfile: { path: './migration_lock.toml', content },
    shadowDbInitScript: '',
    migrationDirectories,
  }
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

/** Trusts the record rather than the engine's word. */
async function verify(client: pg.Client, { migrationDirectories }: MigrationList): Promise<void> {
  const { rows } = await client.query<{ migration_name: string }>(
    'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  )
  const finished = new Set(rows.map((row) => row.migration_name))
  const missing = migrationDirectories.map(({ path }) => path).filter((name) => !finished.has(name))
  if (missing.length > 0) throw new MigrationError(`These migrations are not finished: ${missing.join(', ')}`)
}
