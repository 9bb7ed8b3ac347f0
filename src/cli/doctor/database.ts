import pg from 'pg'
import { readMigrations } from '../../db/migrate.ts'
import { clockFinding, type Finding, skipped, warning, well, wordsOf, wrong } from './finding.ts'

const answerMs = 3_000

/** Whether PostgreSQL answers, has the tables of this version, and tells our time. */
export async function examineDatabase(databaseUrl: string): Promise<Finding[]> {
  const where = new URL(databaseUrl).host
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: answerMs,
    query_timeout: answerMs,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ version: string }>("SELECT current_setting('server_version') AS version")
    return [
      well('database', `PostgreSQL ${rows[0]?.version} at ${where} answers`),
      await examineTables(client),
      await examineClock(client),
    ]
  } catch (error) {
    return [
      wrong(
        'database',
        `PostgreSQL at ${where} does not answer (${wordsOf(error)})`,
        'start it, or put DATABASE_URL right',
      ),
    ]
  } finally {
    await client.end().catch(() => {})
  }
}

async function examineTables(client: pg.Client): Promise<Finding> {
  const wanted = (await readMigrations()).migrationDirectories.map(({ path }) => path)
  const { rows: there } = await client.query<{ is_there: boolean }>(
    "SELECT to_regclass('_prisma_migrations') IS NOT NULL AS is_there",
  )
  if (there[0]?.is_there !== true) return wrong('tables', 'there are none', 'npm run migrate')
  const { rows } = await client.query<{ migration_name: string }>(
    'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  )
  const applied = new Set(rows.map((row) => row.migration_name))
  const missing = wanted.filter((name) => !applied.has(name))
  if (missing.length > 0)
    return wrong('tables', `these migrations are missing: ${missing.join(', ')}`, 'npm run migrate')
  const newer = [...applied].filter((name) => !wanted.includes(name))
  return newer.length > 0
    ? warning('tables', `they are newer than this command: ${newer.join(', ')}`, 'update this checkout')
    : well('tables', `all ${wanted.length} migrations are applied`)
}

async function examineClock(client: pg.Client): Promise<Finding> {
  const askedAt = Date.now()
  const { rows } = await client.query<{ now_ms: string }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms',
  )
  const tookMs = Date.now() - askedAt
  return clockFinding('PostgreSQL', Number(rows[0]?.now_ms) - (askedAt + tookMs / 2), tookMs / 2)
}

export const noDatabase = (why: string): Finding =>
  skipped('database', why, 'set DATABASE_URL, or start Aftersend: aftersend up')
