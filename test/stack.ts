/** The real servers that tests run on: PostgreSQL and Temporal, started when a test first asks, stopped at the end. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { readConfig } from '../src/config.ts'
import { createDatabase, type Database } from '../src/db/database.ts'
import { applyMigrations } from '../src/db/migrate.ts'
import { type LocalPostgres, startPostgres } from '../src/local/postgres.ts'
import { type LocalTemporal, startTemporal, type TemporalOptions } from '../src/local/temporal.ts'
import { findTemporalCli } from '../src/local/temporal-cli.ts'
import { searchAttributeNames } from '../src/temporal/search-attributes.ts'

const say = (line: string): void => console.log(line)
const folders: string[] = []
const servers: { stop(): Promise<void> }[] = []

/** A folder of the test's own, which PostgreSQL's user may enter too; gone at the end. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'aftersend-test-'))
  await chmod(folder, 0o711)
  folders.push(folder)
  return folder
}

/** A PostgreSQL for one test alone, to be killed and started again; without durability unless asked for. */
export async function ownPostgres({ durable = false } = {}): Promise<LocalPostgres> {
  const postgres = await startPostgres({ dataDir: await temporaryFolder(), say, onTrouble: say, durable })
  servers.push(postgres)
  return postgres
}

/** A Temporal for one test alone, to be killed and started again; in memory unless `durable`. */
export async function ownTemporal(
  more: Partial<Pick<TemporalOptions, 'durable' | 'dynamicConfig'>> = {},
): Promise<LocalTemporal> {
  const dataDir = await temporaryFolder()
  const cliPath = await findTemporalCli({ cli: readConfig(process.env).temporal.cli, dataDir, say })
  const searchAttributes = searchAttributeNames
  const options = { cliPath, dataDir, namespace: 'default', searchAttributes, onTrouble: say, durable: false, ...more }
  const temporal = await startTemporal(options)
  servers.push(temporal)
  return temporal
}

let sharedPostgres: Promise<LocalPostgres> | undefined
let sharedTemporal: Promise<LocalTemporal> | undefined

async function migratedPostgres(): Promise<LocalPostgres> {
  const postgres = await ownPostgres()
  await applyMigrations({ databaseUrl: postgres.url })
  return postgres
}

export interface TestDatabase {
  readonly db: Database
  readonly url: string
  drop(): Promise<void>
}

/** A migrated, empty database on the shared PostgreSQL. */
export async function testDatabase(): Promise<TestDatabase> {
  sharedPostgres ??= migratedPostgres()
  const { url: templateUrl } = await sharedPostgres
  const name = `test_${randomBytes(6).toString('hex')}`
  await onServer(templateUrl, `CREATE DATABASE ${name} TEMPLATE aftersend`)
  const url = templateUrl.replace(/aftersend$/, name)
  const db = createDatabase({ url, erasureKey: 'erasure-key-of-the-tests-0000001' })
  return {
    db,
    url,
    async drop() {
      await db.$disconnect()
      await onServer(templateUrl, `DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}

/** The template must have no connection of its own while it is copied: statements go through the `postgres` database. */
async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url.replace(/aftersend$/, 'postgres') })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** The shared Temporal server's address. Tests keep apart by task queues and email IDs of their own. */
export async function testTemporal(): Promise<string> {
  sharedTemporal ??= ownTemporal()
  return (await sharedTemporal).address
}

// At the root of whichever file imports this first, so that it runs when all tests have.
after(async () => {
  await Promise.all(servers.map((server) => server.stop()))
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))
})
