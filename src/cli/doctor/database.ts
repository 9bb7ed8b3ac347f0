import pg from 'pg'
import { readEventMonths } from '../../db/event-months.ts'
import { readMigrations } from '../../db/migrate.ts'
import { messageOf } from '../../errors.ts'
import { clockFinding, type Finding, skipped, warning, well, wrong } from './finding.ts'

const answerMs = 3_000

/** Checks that PostgreSQL answers, has the tables of this version, and that its clock agrees. */
export async function checkDatabase(databaseUrl: string): Promise<Finding[]> {
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
    const tables = await checkTables(client)
    return [
      well('database', `PostgreSQL ${rows[0]?.version} at ${where} answers`),
      tables,
      // Partitions exist only after the migration.
      ...(tables.state === 'wrong' ? [] : [await checkPartitions(client)]),
      await checkClock(client),
    ]
  } catch (error) {
    return [
      wrong(
        'database',
        `PostgreSQL at ${where} does not answer (${messageOf(error)})`,
        'start it, or correct DATABASE_URL',
      ),
    ]
  } finally {
    await client.end().catch(() => {})
  }
}

async function checkTables(client: pg.Client): Promise<Finding> {
  const expected = (await readMigrations()).map(({ name }) => name)
  const { rows: table } = await client.query<{ exists: boolean }>(
    "SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists",
  )
  if (table[0]?.exists !== true) return wrong('tables', 'there are none', 'run npm run migrate')
  const { rows } = await client.query<{ migration_name: string }>(
    'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  )
  const applied = new Set(rows.map((row) => row.migration_name))
  const missing = expected.filter((name) => !applied.has(name))
  if (missing.length > 0)
    return wrong('tables', `these migrations are missing: ${missing.join(', ')}`, 'run npm run migrate')
  const newer = [...applied].filter((name) => !expected.includes(name))
  return newer.length > 0
    ? warning('tables', `they are newer than this command: ${newer.join(', ')}`, 'update this checkout')
    : well('tables', `all ${expected.length} migrations are applied`)
}

const dayMs = 86_400_000

/** The scheduled job creates partitions 3 months ahead. With less than this, it has not run for two months. */
const leastAheadMs = 31 * dayMs

/** Checks that the monthly partitions of events are created ahead. A missing one is created by the next event, which takes longer. */
async function checkPartitions(client: pg.Client): Promise<Finding> {
  const until = (await readEventMonths({ pool: client })).at(-1)?.until.getTime() ?? 0
  const day = new Date(until).toISOString().slice(0, 10)
  if (until - Date.now() > leastAheadMs) return well('months of events', `partitions exist up to ${day}`)
  return warning(
    'months of events',
    until === 0 ? 'there are no partitions' : `partitions exist up to ${day} only`,
    'start a worker, and check in Temporal that the schedule keep-event-months is not paused and its runs do not fail',
  )
}

async function checkClock(client: pg.Client): Promise<Finding> {
  const queriedAt = Date.now()
  const { rows } = await client.query<{ now_ms: string }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms',
  )
  const tookMs = Date.now() - queriedAt
  return clockFinding('PostgreSQL', Number(rows[0]?.now_ms) - (queriedAt + tookMs / 2), tookMs / 2)
}

export const noDatabase = (why: string): Finding =>
  skipped('database', why, 'set DATABASE_URL, or start Aftersend (aftersend up)')
