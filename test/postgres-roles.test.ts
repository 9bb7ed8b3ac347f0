import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createDatabase } from '../src/db/database.ts'
import { insertEvents } from '../src/db/events.ts'
import { applyMigrations } from '../src/db/migrate.ts'
import { query } from './db/migrations.ts'
import { receivedEvent } from './received-event.ts'
import { ownPostgres } from './stack.ts'

const script = fileURLToPath(new URL('../docker/postgres-roles.sh', import.meta.url))
const passwords = {
  DATABASE_PASSWORD: 'of-runtime',
  DATABASE_OWNER_PASSWORD: "of-owner's",
  TEMPORAL_DATABASE_PASSWORD: 'of-temporal',
}

describe('docker/postgres-roles.sh', () => {
  let serverUrl: string
  const urlOf = (role: string, password: string, database = 'aftersend'): string =>
    Object.assign(new URL(serverUrl), { username: role, password, pathname: `/${database}` }).href

  /** A server as the PostgreSQL image has it: its superuser is `postgres`. */
  before(async function () {
    if (spawnSync('psql', ['--version']).status !== 0) {
      console.log('skipped: psql is not installed')
      this.skip()
    }
    const { url } = await ownPostgres()
    serverUrl = url
    await query(url, "CREATE ROLE chief SUPERUSER LOGIN PASSWORD 'chief'")
    await query(urlOf('chief', 'chief', 'template1'), 'ALTER DATABASE aftersend RENAME TO unused')
    await query(urlOf('chief', 'chief', 'postgres'), 'ALTER ROLE aftersend RENAME TO postgres')
  })

  async function run(): Promise<void> {
    await query(urlOf('chief', 'chief', 'postgres'), "ALTER ROLE postgres PASSWORD 'first'")
    const { hostname, port } = new URL(serverUrl)
    const env = {
      PATH: process.env['PATH'],
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: 'postgres',
      PGPASSWORD: 'chief',
      POSTGRES_USER: 'chief',
    }
    const { status, stderr } = spawnSync('sh', [script], { encoding: 'utf8', env: { ...env, ...passwords } })
    assert.equal(status, 0, stderr)
    await query(urlOf('postgres', 'first', 'postgres'), "ALTER ROLE chief PASSWORD 'chief'")
  }

  /** The rows that a login without any table stored, and what it may not do. */
  async function runtimeWorks(): Promise<void> {
    const url = urlOf('aftersend', passwords.DATABASE_PASSWORD)
    const owned = `SELECT count(*)::int AS owned FROM pg_class WHERE relowner = 'aftersend'::regrole`
    assert.deepEqual(await query(url, owned), [{ owned: 0 }])
    const db = createDatabase({ url })
    await insertEvents(db, [receivedEvent()])
    assert.equal(await db.event.count(), 1)
    await db.$disconnect()
    for (const statement of [
      'CREATE TABLE own (id int)',
      'CREATE TEMP TABLE own (id int)',
      'DROP TABLE emails',
      'DELETE FROM audit_log',
    ]) {
      await assert.rejects(query(url, statement), /permission denied|must be owner/, statement)
    }
  }

  it('makes an owner, and a login that owns nothing, on an empty server', async () => {
    await run()
    await applyMigrations({
      databaseUrl: urlOf('aftersend_owner', encodeURIComponent(passwords.DATABASE_OWNER_PASSWORD)),
    })
    await runtimeWorks()
  })

  it('can be run again', async () => {
    await run()
    await runtimeWorks()
  })

  it('gives tables that the login owned to the owner', async () => {
    const admin = urlOf('chief', 'chief', 'postgres')
    await query(admin, 'DROP DATABASE aftersend WITH (FORCE)')
    for (const role of ['aftersend', 'aftersend_owner', 'aftersend_runtime']) await query(admin, `DROP ROLE ${role}`)
    await query(admin, "CREATE ROLE aftersend LOGIN PASSWORD 'of-runtime'")
    await query(admin, 'CREATE DATABASE aftersend OWNER aftersend')
    await applyMigrations({ databaseUrl: urlOf('aftersend', passwords.DATABASE_PASSWORD) })
    await run()
    await applyMigrations({
      databaseUrl: urlOf('aftersend_owner', encodeURIComponent(passwords.DATABASE_OWNER_PASSWORD)),
    })
    await runtimeWorks()
  })

  it('lets the roles of Temporal and Aftersend not into each other’s database', async () => {
    await query(urlOf('temporal', passwords.TEMPORAL_DATABASE_PASSWORD, 'postgres'), 'CREATE DATABASE temporal')
    const intoOurs = query(urlOf('temporal', passwords.TEMPORAL_DATABASE_PASSWORD), 'SELECT 1')
    await assert.rejects(intoOurs, /permission denied for database/)
  })
})
