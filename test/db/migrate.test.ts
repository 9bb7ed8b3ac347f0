import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { schemaDifference } from '../../scripts/migration/schema-difference.ts'
import { schemaPath } from '../../scripts/migration/schema-engine.ts'
import { applyMigrations, MigrationError, readMigrations } from '../../src/db/migrate.ts'
import type { EmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { FaultProxy } from '../faults/fault-proxy.ts'
import { builtProgram, ownPostgres, temporaryFolder } from '../stack.ts'
import { until } from '../until.ts'
import { migrationsWith, query } from './migrations.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const firstMigration = '20261124000000_first_tables'

describe('migrations', () => {
  let postgres: EmbeddedPostgres
  let count = 0
  const holes: FaultProxy[] = []

  before(async () => {
    postgres = await ownPostgres()
  })

  after(() => {
    for (const hole of holes) hole.close()
  })

  /** Takes connections, and never says a word. */
  async function blackHole(): Promise<string> {
    const hole = await FaultProxy.to(1)
    hole.hold()
    holes.push(hole)
    return `127.0.0.1:${hole.port}`
  }

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
    const path = await migrationsWith({
      '20990101000000_broken': 'CREATE TABLE lost (id int);\nCREATE TABEL lost (id int);',
    })
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
    const path = await migrationsWith({ '20990101000000_semicolons': sql })
    await applyMigrations({ databaseUrl, path })
    assert.deepEqual(await query(databaseUrl, 'SELECT body FROM notes'), [{ body: 'a;b' }])
  })

  it('go on once the broken one is mended as the error says', async () => {
    const databaseUrl = await emptyDatabase()
    const path = await migrationsWith({ '20990101000000_broken': 'CREATE TABEL lost (id int);' })
    await assert.rejects(applyMigrations({ databaseUrl, path }), MigrationError)
    await writeFile(join(path, '20990101000000_broken/migration.sql'), 'CREATE TABLE mended (id int);')
    await query(databaseUrl, "DELETE FROM _prisma_migrations WHERE migration_name = '20990101000000_broken'")
    assert.deepEqual(await applyMigrations({ databaseUrl, path }), ['20990101000000_broken'])
  })

  it('want a script in every folder', async () => {
    const databaseUrl = await emptyDatabase()
    const path = await migrationsWith({ '20990101000000_empty': '' })
    await rm(join(path, '20990101000000_empty/migration.sql'))
    await assert.rejects(applyMigrations({ databaseUrl, path }), {
      name: 'MigrationError',
      message: /20990101000000_empty has no migration\.sql/,
    })
  })

  it('wait for a database that is still starting when applied by the command', async () => {
    const late = await ownPostgres()
    await late.stop()
    const { said, ended } = await startMigrate(late.url)
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

  it('are applied by the command within seconds although Temporal is away, which registers nothing and says so', async () => {
    for (const temporalAddress of ['127.0.0.1:1', await blackHole()]) {
      const startedAt = performance.now()
      const { code, output } = await migrate(await emptyDatabase(), {
        ROLE: 'worker',
        TEMPORAL_ADDRESS: temporalAddress,
      })
      assert.deepEqual([code, output.includes(`Applied ${firstMigration}`)], [0, true], output)
      assert.match(output, /has not taken its search attributes: .+\nThe database is migrated\./)
      assert.ok(performance.now() - startedAt < 30_000)
    }
  }).timeout(70_000)

  it('are refused by the command in one line when the database refuses', async () => {
    const { code, output } = await migrate(postgres.url.replace(/aftersend$/, 'nowhere'))
    assert.equal(code, 1)
    assert.match(output, /^PostgreSQL at \S+ refuses \(database "nowhere" does not exist\): check DATABASE_URL\.\n$/)
  })
})

/** The names of this project's migrations, in order. */
const own = async (): Promise<string[]> => (await readMigrations()).map(({ name }) => name)

async function finished(databaseUrl: string): Promise<unknown[]> {
  const rows = await query(
    databaseUrl,
    'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY 1',
  )
  return rows.map((row) => row['migration_name'])
}

const statementsOf = (sql: string | null): string[] =>
  (sql ?? '')
    .replace(/^--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim().replace(/\s+/g, ' '))
    .filter(Boolean)

/** The command in a process of its own; what it prints grows in `said`. */
async function startMigrate(databaseUrl: string, more: Readonly<Record<string, string>> = {}) {
  const { PATH } = process.env
  const child = spawn(process.execPath, [await builtProgram('cli/migrate.ts')], {
    cwd: root,
    env: { PATH, DATABASE_URL: databaseUrl, ...more },
  })
  const said = { output: '' }
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said.output += chunk
    })
  }
  return { said, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, output: said.output })) }
}

const migrate = async (databaseUrl: string, more?: Readonly<Record<string, string>>) =>
  (await startMigrate(databaseUrl, more)).ended
