import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MigrationList } from '@prisma/schema-engine-wasm'
import { noFilters, withSchemaEngine } from '../../scripts/migration/schema-engine.ts'
import { applyMigrations, MigrationError, migrationsPath, readMigrations } from '../../src/db/migrate.ts'
import type { EmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { ownPostgres } from '../stack.ts'
import { migrationsWith, query } from './migrations.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const bad = '20990101000000_bad'
const twoTables = {
  '20260101000000_a': 'CREATE TABLE a (id int);\n',
  '20260102000000_ä': 'CREATE TABLE "ä" (id int);\n',
}

describe('the record of migrations', () => {
  let postgres: EmbeddedPostgres
  let count = 0

  before(async () => {
    postgres = await ownPostgres()
  })

  async function emptyDatabase(): Promise<string> {
    const name = `record_${++count}`
    await query(postgres.url, `CREATE DATABASE ${name}`)
    return postgres.url.replace(/aftersend$/, name)
  }

  it('says to Prisma that all is applied, nothing edited and nothing failed', async () => {
    const databaseUrl = await emptyDatabase()
    await applyMigrations({ databaseUrl })
    const migrationsList = await listFor(migrationsPath)
    await withSchemaEngine(databaseUrl, async (engine) => {
      const diagnosis = await engine.diagnoseMigrationHistory({
        migrationsList,
        optInToShadowDatabase: false,
        filters: noFilters,
      })
      assert.deepEqual(
        [diagnosis.history, diagnosis.editedMigrationNames, diagnosis.failedMigrationNames],
        [null, [], []],
      )
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: noFilters })
      assert.deepEqual(appliedMigrationNames, [])
    })
  })

  it('is the one that Prisma writes, in the same table, and each goes on from the other', async () => {
    const [ours, theirs] = [await emptyDatabase(), await emptyDatabase()]
    const path = await migrationsWith(twoTables, { own: false })
    const migrationsList = await listFor(path)
    assert.deepEqual(await applyMigrations({ databaseUrl: ours, path }), Object.keys(twoTables))
    await withSchemaEngine(theirs, (engine) => engine.applyMigrations({ migrationsList, filters: noFilters }))
    for (const what of [definition, rowsWithoutIdAndTimes]) {
      const found = await query(ours, what)
      assert.ok(found.length > 1)
      assert.deepEqual(found, await query(theirs, what))
    }
    assert.match(String((await query(ours, 'SELECT id FROM _prisma_migrations'))[0]?.['id']), /^[0-9a-f-]{36}$/)
    assert.deepEqual(await applyMigrations({ databaseUrl: theirs, path }), [])
  })

  it('counts a migration that was edited since, and runs one that was marked as rolled back', async () => {
    const databaseUrl = await emptyDatabase()
    const path = await migrationsWith(twoTables, { own: false })
    await applyMigrations({ databaseUrl, path })
    await writeFile(join(path, '20260101000000_a', 'migration.sql'), 'CREATE TABLE edited (id int)')
    assert.deepEqual(await applyMigrations({ databaseUrl, path }), [])
    await query(databaseUrl, "UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name ~ '_a$'")
    assert.deepEqual(await applyMigrations({ databaseUrl, path }), ['20260101000000_a'])
    assert.deepEqual(await query(databaseUrl, "SELECT to_regclass('edited')::text AS found"), [{ found: 'edited' }])
  })

  it('holds why a migration failed, and the next run says it', async () => {
    const databaseUrl = await emptyDatabase()
    const path = await migrationsWith({ [bad]: 'SELECT 1;\n\nCREATE TABEL b;' }, { own: false })
    const why = 'ERROR: syntax error at or near "TABEL" (SQLSTATE 42601) in line 3'
    for (const said of [`The migration ${bad} failed:\n${why}\n`, `is not finished:\n${why}\n`]) {
      await assert.rejects(applyMigrations({ databaseUrl, path }), (error) => isMigrationError(error, said))
    }
    const row = 'SELECT logs, finished_at, applied_steps_count AS steps FROM _prisma_migrations'
    assert.deepEqual(await query(databaseUrl, row), [{ logs: why, finished_at: null, steps: 0 }])
  })

  it('stops the next run after one that was broken off', async () => {
    const databaseUrl = await emptyDatabase()
    const path = await migrationsWith({ [bad]: 'SELECT pg_terminate_backend(pg_backend_pid())' }, { own: false })
    await assert.rejects(applyMigrations({ databaseUrl, path }), (error) =>
      isMigrationError(error, `The migration ${bad} failed:\n`),
    )
    await assert.rejects(applyMigrations({ databaseUrl, path }), (error) =>
      isMigrationError(error, 'is not finished.\n'),
    )
  })

  it('is not lost in a transaction that a script leaves open, or behind a setting that it leaves', async () => {
    const databaseUrl = await emptyDatabase()
    const open = await migrationsWith({ [bad]: 'BEGIN; CREATE TABLE lost (id int);' }, { own: false })
    await assert.rejects(applyMigrations({ databaseUrl, path: open }), (error) =>
      isMigrationError(error, 'leaves a transaction open'),
    )
    assert.deepEqual(await query(databaseUrl, "SELECT to_regclass('lost') AS found"), [{ found: null }])

    const scripts = {
      '20990101000000_set': "SET search_path = ''",
      '20990102000000_next': 'CREATE TABLE found (id int)',
    }
    const set = { databaseUrl: await emptyDatabase(), path: await migrationsWith(scripts, { own: false }) }
    assert.deepEqual(await applyMigrations(set), Object.keys(scripts))
    assert.deepEqual(await applyMigrations(set), [])
  })

  it('is started in an empty database alone, in which extensions may have tables', async () => {
    const databaseUrl = await emptyDatabase()
    const path = await migrationsWith(twoTables, { own: false })
    await query(databaseUrl, 'CREATE TABLE accounts (id int)')
    await assert.rejects(applyMigrations({ databaseUrl, path }), (error) => isMigrationError(error, 'is not empty'))
    await query(databaseUrl, 'ALTER EXTENSION plpgsql ADD TABLE accounts')
    assert.deepEqual(await applyMigrations({ databaseUrl, path }), Object.keys(twoTables))
  })

  it('is kept by src alone, without the packages that only authors have', async () => {
    const { devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    const files = (await readdir(join(root, 'src'), { recursive: true })).filter((name) => /\.tsx?$/.test(name))
    const sources = await Promise.all(files.map((name) => readFile(join(root, 'src', name), 'utf8')))
    for (const name of ['@prisma/schema-engine-wasm', '@prisma/driver-adapter-utils']) {
      assert.ok(name in devDependencies, name)
      assert.ok(!sources.some((source) => source.includes(name)), name)
    }
  })
})

const isMigrationError = (error: unknown, said: string): true => {
  assert(error instanceof MigrationError)
  assert.ok(error.message.includes(said), error.message)
  return true
}

/** As Prisma's engine takes a folder of migrations. */
async function listFor(path: string): Promise<MigrationList> {
  return {
    baseDir: path,
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: (await readMigrations(path)).map(({ name, script }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: script } },
    })),
  }
}

/** All that the catalogue says of the table's columns, constraints and indexes. */
const definition = `
  SELECT to_jsonb(columns) - 'table_catalog' - 'udt_catalog' AS definition FROM information_schema.columns
  WHERE table_name = '_prisma_migrations'
  UNION ALL SELECT jsonb_build_object(conname, pg_get_constraintdef(oid)) FROM pg_constraint
  WHERE conrelid = '_prisma_migrations'::regclass
  UNION ALL SELECT to_jsonb(pg_indexes) FROM pg_indexes WHERE tablename = '_prisma_migrations'
  ORDER BY 1`

const rowsWithoutIdAndTimes = `
  SELECT checksum, migration_name, logs, rolled_back_at, applied_steps_count, finished_at > started_at AS in_order, length(id) AS id_length
  FROM _prisma_migrations ORDER BY migration_name`
