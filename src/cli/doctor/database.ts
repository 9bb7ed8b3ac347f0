import pg from 'pg'
import { readEventMonths } from '../../db/event-months.ts'
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
    const tables = await examineTables(client)
    return [
      well('database', `PostgreSQL ${rows[0]?.version} at ${where} answers`),
      tables,
      // There are none to be found before the migration that makes them.
      ...(tables.state === 'wrong' ? [] : [await examineMonths(client)]),
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

const dayMs = 86_400_000

/** The schedule makes months long before; less than this ahead, and it has not run for two months. */
const leastAheadMs = 31 * dayMs

/** Whether the months that events are stored by are made ahead. One that is missing is made when an event comes, at its cost. */
async function examineMonths(client: pg.Client): Promise<Finding> {
  const until = (await readEventMonths({ pool: client })).at(-1)?.until.getTime() ?? 0
  const day = new Date(until).toISOString().slice(0, 10)
  if (until - Date.now() > leastAheadMs) return well('months of events', `they are made up to ${day}`)
  return warning(
    'months of events',
    until === 0 ? 'there are none' : `they are made up to ${day} only`,
    'let a worker run, and look at the schedule keep-event-months in Temporal: is it paused, do its runs fail?',
  )
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
