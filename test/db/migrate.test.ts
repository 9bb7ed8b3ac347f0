import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { applyMigrations, MigrationError, migrationsPath, readMigrations } from '../../src/db/migrate.ts'
import { schemaDifference } from '../../src/db/schema-difference.ts'
import { schemaPath } from '../../src/db/schema-engine.ts'
import type { LocalPostgres } from '../../src/local/postgres.ts'
import { ownPostgres, temporaryFolder } from '../stack.ts'
import { until } from '../until.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const firstMigration = '20261124000000_first_tables'

describe('migrations', () => {
  let postgres: LocalPostgres
  let count = 0

  before(async () => {
    postgres = await ownPostgres()
  })

  async function emptyDatabase(): Promise<string> {
    const name = `empty_${++count}`
    await query(postgres.url, `CREATE DATABASE ${name}`)
    return postgres.url.replace(/aftersend$/, name)
  }

  it('are all applied the first time, recorded as finished, and none the second time', async () => {
    const databaseUrl = await emptyDatabase()
    const applied = await applyMigrations({ databaseUrl })
    assert.deepEqual(applied, await own())
    assert.deepEqual(await applyMigrations({ databaseUrl }), [])
    assert.deepEqual(await finished(databaseUrl), applied)
  })

  it('are applied once when several processes start at the same moment', async () => {
    const databaseUrl = await emptyDatabase()
    const calls = await Promise.all([1, 2, 3].map(() => applyMigrations({ databaseUrl })))
    assert.deepEqual(calls.flat(), await finished(databaseUrl))
  })

  it('are applied once when two commands are started at the same moment', async () => {
    const databaseUrl = await emptyDatabase()
    const both = await Promise.all([migrate(databaseUrl), migrate(databaseUrl)])
    const output = both.map((command) => command.output).join('')
    assert.deepEqual([both.map(({ code }) => code), output.match(/(?<=Applied )\S+/g)], [[0, 0], await own()], output)
    assert.deepEqual(await finished(databaseUrl), await own())
  })

  it('say all that schema.prisma says, and the engine leaves the partial indexes alone', async () => {
    assert.equal(await schemaDifference({ serverUrl: postgres.url }), null)
  })

  it('lack what is added to schema.prisma or taken from it, and nothing else', async () => {
    const schema = join(await temporaryFolder(), 'schema.prisma')
    const text = await readFile(schemaPath, 'utf8')
    const changed = text
      .replace(/^ {2}subject +String\?$/m, '$&\n  campaign String?')
      .replace('  @@index([emailId, provider])\n', '')
    await writeFile(schema, changed)
    const sql = await schemaDifference({ serverUrl: postgres.url, schema })
    assert.deepEqual(statementsOf(sql), [
      'DROP INDEX "events_email_id_provider_idx"',
      'ALTER TABLE "emails" ADD COLUMN "campaign" TEXT',
    ])
  })

  it('are compared in a scratch database that is gone afterwards', async () => {
    await schemaDifference({ serverUrl: postgres.url })
    const left = await query(postgres.url, "SELECT datname FROM pg_database WHERE datname LIKE 'aftersend_scratch%'")
    assert.deepEqual(left, [])
  })

  it('stop at one that is broken, keep nothing of it and all before it, and say the second time what to do', async () => {
    const databaseUrl = await emptyDatabase()
    const path = await migrationsWith(
      '20990101000000_broken',
      'CREATE TABLE lost (id int);\nCREATE TABEL lost (id int);',
    )
    await assert.rejects(applyMigrations({ databaseUrl, path }), (error: Error) => {
      assert(error instanceof MigrationError)
      assert.match(error.message, /20990101000000_broken/)
      assert.match(error.message, /TABEL/)
      return true
    })
    assert.deepEqual(await finished(databaseUrl), await own())
    assert.deepEqual(await query(databaseUrl, "SELECT to_regclass('lost') AS found"), [{ found: null }])
    await assert.rejects(applyMigrations({ databaseUrl, path }), (error: Error) => {
      assert(error instanceof MigrationError)
      assert.match(error.message, /20990101000000_broken/)
      assert.match(error.message, /delete its row from _prisma_migrations/)
      return true
    })
  })

  it('may hold semicolons in comments, strings and functions', async () => {
    const databaseUrl = await emptyDatabase()
    const sql = `-- One; two.
      CREATE TABLE notes (body text DEFAULT 'a;b');
      DO $$ BEGIN INSERT INTO notes DEFAULT VALUES; END $$;`
    const path = await migrationsWith('20990101000000_semicolons', sql)
    await applyMigrations({ databaseUrl, path })
    assert.deepEqual(await query(databaseUrl, 'SELECT body FROM notes'), [{ body: 'a;b' }])
  })

  it('go on once the broken one is mended as the error says', async () => {
    const databaseUrl = await emptyDatabase()
    const path = await migrationsWith('20990101000000_broken', 'CREATE TABEL lost (id int);')
    await assert.rejects(applyMigrations({ databaseUrl, path }), MigrationError)
    await writeFile(join(path, '20990101000000_broken/migration.sql'), 'CREATE TABLE mended (id int);')
    await query(databaseUrl, "DELETE FROM _prisma_migrations WHERE migration_name = '20990101000000_broken'")
    assert.deepEqual(await applyMigrations({ databaseUrl, path }), ['20990101000000_broken'])
  })

  it('want a script in every folder', async () => {
    const databaseUrl = await emptyDatabase()
    const path = await migrationsWith('20990101000000_empty', '')
    await rm(join(path, '20990101000000_empty/migration.sql'))
    await assert.rejects(applyMigrations({ databaseUrl, path }), {
      name: 'MigrationError',
      message: /20990101000000_empty has no migration\.sql/,
    })
  })

  it('wait for a database that is still starting when applied by the command', async () => {
    const late = await ownPostgres()
    await late.stop()
    const { said, ended } = startMigrate(late.url)
    await until(() => said.output.includes('is not ready yet'))
    await late.start()
    const { code, output } = await ended
    assert.deepEqual([code, output.includes(`Applied ${firstMigration}`)], [0, true], output)
  })

  it('are applied by the command, which says so and exits', async () => {
    const databaseUrl = await emptyDatabase()
    const first = await migrate(databaseUrl)
    assert.deepEqual([first.code, first.output.includes(`Applied ${firstMigration}`)], [0, true], first.output)
    const second = await migrate(databaseUrl)
    assert.deepEqual([second.code, second.output.includes('is up to date')], [0, true], second.output)
  })

  it('are refused by the command in one line when the database refuses', async () => {
    const { code, output } = await migrate(postgres.url.replace(/aftersend$/, 'nowhere'))
    assert.equal(code, 1)
    assert.match(output, /^PostgreSQL at \S+ refuses \(database "nowhere" does not exist\): check DATABASE_URL\.\n$/)
  })
})

/** The names of this project's migrations, in order. */
const own = async (): Promise<string[]> =>
  (await readMigrations()).migrationDirectories.map((directory) => directory.path)

async function query(databaseUrl: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

async function finished(databaseUrl: string): Promise<unknown[]> {
  const rows = await query(
    databaseUrl,
    'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY 1',
  )
  return rows.map((row) => row['migration_name'])
}

/** This project's migrations and one more. */
async function migrationsWith(name: string, sql: string): Promise<string> {
  const path = join(await temporaryFolder(), 'migrations')
  await cp(migrationsPath, path, { recursive: true })
  await mkdir(join(path, name))
  await writeFile(join(path, name, 'migration.sql'), sql)
  return path
}

const statementsOf = (sql: string | null): string[] =>
  (sql ?? '')
    .replace(/^--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim().replace(/\s+/g, ' '))
    .filter(Boolean)

/** The command in a process of its own; what it prints grows in `said`. */
function startMigrate(databaseUrl: string) {
  const { PATH } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/migrate.ts'], {
    cwd: root,
    env: { PATH, DATABASE_URL: databaseUrl },
  })
  const said = { output: '' }
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said.output += chunk
    })
  }
  return { said, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, output: said.output })) }
}

const migrate = (databaseUrl: string) => startMigrate(databaseUrl).ended
