import assert from 'node:assert/strict'
import pg from 'pg'
import { createDatabase, type Database } from '../../src/db/database.ts'
import {
  createEventMonths,
  deleteDroppedIdentities,
  dropEventMonth,
  readEventMonths,
} from '../../src/db/event-months.ts'
import { insertEvents } from '../../src/db/events.ts'
import { applyMigrations, MigrationError } from '../../src/db/migrate.ts'
import { registerEmail } from '../../src/db/registrations.ts'
import { runtimeRole } from '../../src/db/runtime-rights.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import { emptySnapshot } from '../../src/domain/lifecycle.ts'
import { receivedEvent } from '../received-event.ts'
import { ownPostgres, type TestDatabase, testDatabase } from '../stack.ts'
import { endFirstMonth } from './end-first-month.ts'
import { migrationsWith, query } from './migrations.ts'
import { runtimeLogin } from './runtime-login.ts'

const later = '20990101000000_later'
const notPermitted = /permission denied|must be owner/

const urlOf = (url: string, role: string): string =>
  Object.assign(new URL(url), { username: role, password: role }).href

describe('a role that is only a member of aftersend_runtime', () => {
  let owner: TestDatabase
  let db: Database
  let databaseUrl: string
  let role: string

  before(async () => {
    owner = await testDatabase()
    databaseUrl = await runtimeLogin(owner)
    role = new URL(databaseUrl).username
    db = createDatabase({ url: databaseUrl })
  })
  after(async () => {
    await db.$disconnect()
    await owner.db.pool.query(`DROP ROLE ${role}`)
    await owner.drop()
  })

  const refuses = (statement: string, why = notPermitted) => assert.rejects(db.pool.query(statement), why, statement)

  it('registers emails, stores and applies events, suppresses, and adds to the audit log', async () => {
    const registration = { to: ['a@b.c'], subject: null, tags: null, priority: null, as: 'sent' as const }
    const email = { provider: 'aisend', emailId: 'em_1' }
    const { receivedAt } = receivedEvent()
    await registerEmail(db, { ...email, ...registration }, receivedEvent({ id: 'registered' }))
    assert.equal((await insertEvents(db, [receivedEvent({ id: 'evt_1' })])).length, 1)
    const save = { ...email, snapshot: emptySnapshot, expectedRevision: 0, eventIds: ['evt_1'] }
    await saveSnapshot(db, { ...save, receivedBetween: [receivedAt, receivedAt] })
    await db.suppression.create({ data: { address: 'a@b.c', reason: 'manual' } })
    await db.suppression.deleteMany()
    await db.pool.query(
      "INSERT INTO audit_log (actor, via, action, client, status, request_id) VALUES ('a', 'key', 'b', 'c', 200, 'd')",
    )
    const { rows } = await db.pool.query('SELECT actor FROM audit_log')
    assert.equal(rows.length, 1)
  })

  it('creates months ahead and drops ended ones, with their identities', async () => {
    await owner.db.pool.query('TRUNCATE events')
    await endFirstMonth(owner.db, 40)
    assert.ok((await createEventMonths(db)) > 3)
    const [ended, ...kept] = await readEventMonths(db)
    assert.ok(ended)
    await insertEvents(db, [receivedEvent({ id: 'old', receivedAt: ended.until.getTime() - 1 })])
    await db.$executeRaw`UPDATE events SET applied_at = now()`
    await dropEventMonth(db, ended)
    assert.deepEqual(await readEventMonths(db), kept)
    assert.ok((await deleteDroppedIdentities(db, 10)) > 0)
  })

  it('owns nothing, and alters, drops, empties and creates no table', async () => {
    const { rows } = await db.pool.query<{ name: string; owner: string }>(
      `SELECT oid::regclass::text AS name, relowner::regrole::text AS owner FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`,
    )
    assert.ok(rows.length > 20)
    for (const table of rows) {
      assert.notEqual(table.owner, role)
      for (const statement of [
        `ALTER TABLE ${table.name} ADD COLUMN more int`,
        `DROP TABLE ${table.name}`,
        `TRUNCATE ${table.name} CASCADE`,
        `ALTER TABLE ${table.name} DISABLE TRIGGER ALL`,
        `CREATE TRIGGER t BEFORE INSERT ON ${table.name} FOR EACH ROW EXECUTE FUNCTION note_email_change()`,
      ]) {
        await refuses(statement)
      }
    }
    await refuses('CREATE TABLE own (id int)')
    await refuses(
      'CREATE OR REPLACE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN END$$',
    )
  })

  it('changes no entry of the audit log and no record of migrations', async () => {
    await refuses("UPDATE audit_log SET actor = 'nobody'")
    await refuses('DELETE FROM audit_log')
    await refuses("SELECT nextval('audit_log_id_seq')")
    await refuses('DELETE FROM _prisma_migrations')
    await refuses("INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('a', 'b', 'c')")
  })

  it('reaches the partitions of events only through the table', async () => {
    for (const { name } of await readEventMonths(db)) await refuses(`SELECT FROM ${name}`)
  })

  it('creates at most 12 months ahead; other roles create and drop none', async () => {
    await refuses('SELECT make_event_months(1000000)', /0 to 12 ahead/)
    await refuses('SELECT make_event_months(NULL)', /0 to 12 ahead/)
    await owner.db.pool.query(`REVOKE ${runtimeRole} FROM ${role}`)
    await refuses('SELECT make_event_months(1)')
    await refuses("SELECT drop_event_month('events')")
    await refuses('SELECT FROM emails')
    await owner.db.pool.query(`GRANT ${runtimeRole} TO ${role}`)
  })

  it('starts on a migrated database, and says who must migrate another', async () => {
    assert.deepEqual(await applyMigrations({ databaseUrl }), [])
    const path = await migrationsWith({ [later]: 'CREATE TABLE later (id serial PRIMARY KEY);' })
    await assert.rejects(
      applyMigrations({ databaseUrl, path }),
      (error) => error instanceof MigrationError && error.message.includes(`its tables are aftersend's, not ${role}'s`),
    )
    await applyMigrations({ databaseUrl: owner.url, path })
    assert.deepEqual(await applyMigrations({ databaseUrl, path }), [])
    const { rows } = await db.pool.query('INSERT INTO later DEFAULT VALUES RETURNING id')
    assert.deepEqual(rows, [{ id: 1 }])
    await refuses('TRUNCATE later')
  })

  it('has exactly the rights that it needs after others were granted or taken by hand', async () => {
    await owner.db.pool.query(
      `GRANT ALL ON audit_log, emails TO ${runtimeRole}; REVOKE ALL ON events FROM ${runtimeRole}`,
    )
    await applyMigrations({ databaseUrl: owner.url })
    const { rows } = await db.pool.query(
      `SELECT relname AS name, string_agg(privilege_type, ' ' ORDER BY privilege_type) AS rights
       FROM pg_class CROSS JOIN LATERAL aclexplode(relacl)
       WHERE grantee = $1::regrole AND relname IN ('audit_log', 'emails', 'events') GROUP BY 1 ORDER BY 1`,
      [runtimeRole],
    )
    assert.deepEqual(rows, [
      { name: 'audit_log', rights: 'INSERT SELECT' },
      { name: 'emails', rights: 'DELETE INSERT SELECT UPDATE' },
      { name: 'events', rights: 'DELETE INSERT SELECT UPDATE' },
    ])
  })
})

describe('the migrations of an owner that may create no role', () => {
  it('pass, and grant the rights once the role was created by hand', async () => {
    const { url } = await ownPostgres()
    await query(url, "CREATE ROLE managed LOGIN PASSWORD 'managed'")
    await query(url, 'CREATE DATABASE managed OWNER managed')
    const databaseUrl = urlOf(url, 'managed').replace(/aftersend$/, 'managed')
    assert.ok((await applyMigrations({ databaseUrl })).length > 30)
    assert.deepEqual(await query(url, `SELECT to_regrole('${runtimeRole}') AS found`), [{ found: null }])
    await query(url, `CREATE ROLE ${runtimeRole}`)
    await query(url, `CREATE ROLE service LOGIN PASSWORD 'service' IN ROLE ${runtimeRole}`)
    assert.deepEqual(await applyMigrations({ databaseUrl }), [])
    const db = createDatabase({ url: urlOf(databaseUrl, 'service') })
    assert.equal((await insertEvents(db, [receivedEvent()])).length, 1)
    await assert.rejects(db.pool.query('DROP TABLE emails'), (error) => error instanceof pg.DatabaseError)
    await db.$disconnect()
  })
})
