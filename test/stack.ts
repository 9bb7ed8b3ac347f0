/**
 * Real servers for tests. Mocha runs test files in parallel processes and loads this file in each. Its main process starts one
 * PostgreSQL and one Temporal for all of them, and compiles the programs, when a test needs one for the first time.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { readConfig } from '../src/config.ts'
import { createDatabase, type Database } from '../src/db/database.ts'
import { applyMigrations } from '../src/db/migrate.ts'
import { type EmbeddedPostgres, startPostgres } from '../src/embedded/postgres.ts'
import { type EmbeddedTemporal, startTemporal, type TemporalOptions } from '../src/embedded/temporal.ts'
import { findTemporalCli } from '../src/embedded/temporal-cli.ts'
import { searchAttributeNames } from '../src/temporal/search-attributes.ts'
import { buildProgram } from './build-program.ts'

const report = (line: string): void => console.log(line)
const folders: string[] = []
const servers: { stop(): Promise<void> }[] = []

/** A folder that PostgreSQL's user may enter too; deleted at the end. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'aftersend-test-'))
  await chmod(folder, 0o711)
  folders.push(folder)
  return folder
}

/**
 * A port that no other test file prefers, and that the system gives to no client: a server that is killed and started again must
 * find its port free.
 */
const ownPort = (): number => randomInt(10_000, 30_000)

/** A PostgreSQL for one test alone, to be killed and started again; without durability unless asked for. */
export async function ownPostgres({ durable = false } = {}): Promise<EmbeddedPostgres> {
  const postgres = await startPostgres({ dataDir: await temporaryFolder(), report, durable, port: ownPort() })
  servers.push(postgres)
  return postgres
}

/** A Temporal for one test alone, to be killed and started again; in memory unless `durable`. */
export async function ownTemporal(
  more: Partial<Pick<TemporalOptions, 'durable' | 'dynamicConfig' | 'searchAttributes'>> = {},
): Promise<EmbeddedTemporal> {
  const dataDir = await temporaryFolder()
  await mkdir(join(dataDir, 'temporal'))
  await writeFile(join(dataDir, 'temporal', 'ports.json'), JSON.stringify({ frontend: ownPort(), webUi: ownPort() }))
  const cliPath = await findTemporalCli({ cli: readConfig(process.env).temporal.cli, dataDir, report })
  const searchAttributes = searchAttributeNames
  const options = { cliPath, dataDir, namespace: 'default', searchAttributes, report, durable: false, ...more }
  const temporal = await startTemporal(options)
  servers.push(temporal)
  return temporal
}

/** The URL at which mocha's main process serves the addresses of shared servers. */
const directoryVariable = 'AFTERSEND_TEST_DIRECTORY'

async function shared(server: keyof typeof sharedParts): Promise<string> {
  const response = await fetch(`${process.env[directoryVariable]}/${server}`)
  const answer = await response.text()
  if (!response.ok) throw new Error(`the shared ${server} did not start: ${answer}`)
  return answer
}

const sharedParts = {
  postgres: ownTemplate,
  temporal: async () => (await ownTemporal()).address,
  program: async () => {
    const folder = await temporaryFolder()
    await buildProgram(folder)
    return folder
  },
}

const startedParts: Partial<Record<string, Promise<string>>> = {}

const directory = createServer((request, response) => {
  const name = (request.url ?? '').slice(1) as keyof typeof sharedParts
  startedParts[name] ??= sharedParts[name]()
  startedParts[name].then(
    (answer) => response.end(answer),
    (error) => response.writeHead(500).end(String(error)),
  )
})

/** Once, in mocha's main process, before all files. */
export async function mochaGlobalSetup(): Promise<void> {
  await new Promise<void>((resolve) => directory.listen({ port: 0, host: '127.0.0.1' }, resolve))
  process.env[directoryVariable] = `http://127.0.0.1:${(directory.address() as AddressInfo).port}`
}

/** Once, in mocha's main process, after all files. */
export async function mochaGlobalTeardown(): Promise<void> {
  directory.closeAllConnections()
  directory.close()
  await stopAll()
}

/** After each file if files run in parallel, else after all. */
export const mochaHooks = { afterAll: stopAll }

async function stopAll(): Promise<void> {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })))
}

export interface TestDatabase {
  readonly db: Database
  readonly url: string
  drop(): Promise<void>
}

/**
 * The URL of a migrated database on a PostgreSQL of the test's own, for {@link testDatabase}: for what waits for every transaction of the
 * server, other tests' too, such as the pruning of the log of changes.
 */
export async function ownTemplate(): Promise<string> {
  const { url } = await ownPostgres()
  await applyMigrations({ databaseUrl: url })
  return url
}

/** A migrated, empty database; by default on the shared PostgreSQL. */
export async function testDatabase(template?: string): Promise<TestDatabase> {
  const templateUrl = template ?? (await shared('postgres'))
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

/**
 * A database of the suite's own: created before its tests, and dropped after all of its hooks. To be called in `describe`, where `db`
 * may be taken out at once: it stands for a database that opens with the first test.
 * @param emptied names the tables to empty before each test; the recipients of emails are emptied with them.
 * @param template {@link ownTemplate} for a server of the suite's own. Default: the shared one.
 */
export function useDatabase(emptied = '', template?: () => Promise<string>): Pick<TestDatabase, 'db' | 'url'> {
  let opened: TestDatabase
  before(async function () {
    opened = await testDatabase(await template?.())
    this.test?.parent?.afterAll(() => opened.drop())
  })
  if (emptied) beforeEach(() => emptyTables(opened.db, emptied))
  return {
    db: standIn(() => opened.db),
    get url() {
      return opened.url
    },
  }
}

/** What belongs to the rows of a table without referencing it. */
const emptiedWith: Readonly<Record<string, readonly string[]>> = {
  emails: ['email_recipients'],
  events: ['event_identities'],
}

const emptyingStatements = new Map<string, string>()

/**
 * Empties tables, and those that reference them, without their triggers. Takes 2 ms; TRUNCATE … CASCADE takes 60, since it makes new files
 * for every month of events and each of its indexes.
 * @param tables their names, separated by `, `; the recipients of emails and the identities of events are emptied with them.
 */
export async function emptyTables({ pool }: Database, tables: string): Promise<void> {
  let statements = emptyingStatements.get(tables)
  if (!statements) {
    const named = tables.split(', ').flatMap((table) => [table, ...(emptiedWith[table] ?? [])])
    const { rows } = await pool.query<{ name: string }>(
      `WITH RECURSIVE emptied (id) AS (
         SELECT name::regclass::oid FROM unnest($1::text[]) AS name
         UNION SELECT conrelid FROM pg_constraint JOIN emptied ON confrelid = emptied.id WHERE contype = 'f'
       ) SELECT id::regclass::text AS name FROM emptied`,
      [named],
    )
    // One query, and so one transaction: the triggers are off in it alone.
    statements = [
      'SET LOCAL session_replication_role = replica',
      ...rows.map(({ name }) => `DELETE FROM ${name}`),
    ].join('; ')
    emptyingStatements.set(tables, statements)
  }
  await pool.query(statements).catch((error) => {
    // What an earlier test has started may still write, in another order. PostgreSQL has ended one of the two: the other has finished.
    if (error.code !== '40P01') throw error
    return pool.query(statements)
  })
}

/** An object that stands for what `current` returns at the moment of use. */
export const standIn = <T extends object>(current: () => T): T =>
  new Proxy({} as T, {
    get(_, name) {
      const value = Reflect.get(current(), name)
      return typeof value === 'function' ? value.bind(current()) : value
    },
    set: (_, name, value) => Reflect.set(current(), name, value),
  })

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

/** The shared Temporal server's address. Tests use their own task queues and email IDs. */
export const testTemporal = (): Promise<string> => shared('temporal')

/**
 * The path of one of our programs as it runs in production, compiled once for all tests: for tests that start it as a process.
 * @param source its path in `src`, such as `main.ts`.
 */
export const builtProgram = async (source: string): Promise<string> =>
  join(await shared('program'), 'dist', source.replace(/ts$/, 'js'))
