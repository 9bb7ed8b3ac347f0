import assert from 'node:assert/strict'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { createEventMonths, dropDetachedMonths, readEventMonths } from '../../src/db/event-months.ts'
import { insertEvents } from '../../src/db/events.ts'
import { applyMigrations, migrationsPath, readMigrations } from '../../src/db/migrate.ts'
import { registerEmail } from '../../src/db/registrations.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { emptySnapshot } from '../../src/domain/lifecycle.ts'
import type { EmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { receivedEvent } from '../received-event.ts'
import { ownPostgres, type TestDatabase, temporaryFolder, testDatabase } from '../stack.ts'

const dayMs = 86_400_000

describe('events by month', () => {
  let database: TestDatabase
  let db: Database
  beforeEach(async () => {
    database = await testDatabase()
    db = database.db
    // The template may have been made in the month before.
    await createEventMonths(db)
  })
  afterEach(() => database.drop())

  /** A time in a month: 0 is the first partition, which ends with it; 1 the month after. */
  async function momentIn(month: number): Promise<number> {
    const { until } = (await readEventMonths(db))[month] ?? assert.fail(`there is no month ${month}`)
    return until.getTime() - dayMs
  }
  const namesOf = async () => (await readEventMonths(db)).map(({ name }) => name)

  it('recognize a repeat in another month, also when both arrive at once', async () => {
    const [first, second] = [await momentIn(0), await momentIn(1)]
    const one = (receivedAt: number, id: string) => insertEvents(db, [receivedEvent({ id, receivedAt })])
    assert.equal((await one(first, 'evt_1')).length, 1)
    assert.equal((await one(second, 'evt_1')).length, 0)
    for (let round = 0; round < 20; round++) {
      const both = await Promise.all([one(first, `both_${round}`), one(second, `both_${round}`)])
      assert.equal(both.flat().length, 1)
    }
    assert.equal(await db.event.count(), 21)
  })

  it('are saved in any month, and found without reading the others', async () => {
    const [first, second] = [await momentIn(0), await momentIn(1)]
    await insertEvents(db, [
      receivedEvent({ id: 'a', receivedAt: first }),
      receivedEvent({ id: 'b', receivedAt: second }),
    ])
    const email = { provider: 'aisend', emailId: 'em_1', snapshot: emptySnapshot }
    const save = { ...email, expectedRevision: 0, eventIds: ['a', 'b'] }
    assert.equal(await saveSnapshot(db, { ...save, receivedBetween: [first, first] }), false)
    assert.equal(await saveSnapshot(db, { ...save, receivedBetween: [first, second] }), true)
    assert.equal(await db.event.count({ where: { appliedAt: null } }), 0)
  })

  it('have months ahead, which are created once by any number of processes', async () => {
    const made = await namesOf()
    assert.ok(made.length >= 3, made.join())
    const ahead = (await readEventMonths(db)).at(-1)?.until.getTime() ?? 0
    assert.ok(ahead - Date.now() > 89 * dayMs)
    await db.$executeRawUnsafe(`DROP TABLE ${made.at(-1)}`)
    const counts = await Promise.all([1, 2, 3].map(() => createEventMonths(db)))
    assert.deepEqual([counts.reduce((sum, count) => sum + count), await namesOf()], [1, made])
  })

  it('store an event and a registration although their month does not exist', async () => {
    const names = await namesOf()
    const at = await momentIn(names.length - 1)
    for (const store of [
      () => insertEvents(db, [receivedEvent({ receivedAt: at })]),
      () => {
        const registration = { to: ['a@b.c'], subject: null, tags: null, priority: null, as: 'sent' as const }
        return registerEmail(
          db,
          { provider: 'aisend', emailId: 'em_1', ...registration },
          { ...receivedEvent({ id: 'r' }), occurredAt: at },
        )
      },
    ]) {
      await db.$executeRawUnsafe(`DROP TABLE ${names.at(-1)}`)
      await store()
    }
    assert.equal(await db.event.count(), 1)
  })

  it('are in the schema that Prisma Studio lists, with descriptive names', async () => {
    const { rows } = await db.pool.query<{ name: string; at: string; ends: string }>(`
      SELECT relname AS name, relnamespace::regnamespace::text AS at,
             to_char((regexp_match(pg_get_expr(relpartbound, oid), 'TO \\(''([^'']+)''\\)$'))[1]::timestamptz AT TIME ZONE 'UTC', 'YYYY_MM') AS ends
      FROM pg_class JOIN pg_inherits ON inhrelid = oid WHERE inhparent = 'events'::regclass ORDER BY ends`)
    const [first, ...others] = rows
    assert.deepEqual([...new Set(rows.map(({ at }) => at))], ['public'])
    assert.equal(first?.name, `events_before_${first?.ends}`)
    assert.deepEqual(
      others.map(({ name }) => name),
      rows.slice(0, -1).map(({ ends }) => `events_${ends}`),
    )
  })
})

const oldEvents = 200_000

/** The last migrations of 0.2.0 and 0.3.3. */
const lastOf033 = '20261125130005_events_by_month'
const lastOf020 = '20261125084600_erasure_keys'
const longestMs = 2_000

describe('the migrations to events by month', () => {
  let postgres: EmbeddedPostgres
  before(async () => {
    postgres = await ownPostgres()
  })

  /** A folder with the migrations up to the given one. */
  async function migrationsThrough(last: string): Promise<string> {
    const folder = join(await temporaryFolder(), 'migrations')
    await mkdir(folder)
    await cp(join(migrationsPath, 'migration_lock.toml'), join(folder, 'migration_lock.toml'))
    for (const { name } of await readMigrations()) {
      if (name <= last) await cp(join(migrationsPath, name), join(folder, name), { recursive: true })
    }
    return folder
  }

  it('do not block traffic, lose or duplicate events, or rebuild indexes', async () => {
    const databaseUrl = postgres.url
    await applyMigrations({ databaseUrl, path: await migrationsThrough(lastOf020) })
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    await client.query(`
      INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, recipient, payload, lease_until, applied_at)
      SELECT 'aisend', 'old_' || n, 'em_' || n / 4, 'sent', now(), now() - n * interval '30 seconds', 'a@b.c', '{}', now(), now()
      FROM generate_series(1, ${oldEvents}) AS n`)
    const filesOf = async (prefix: string) => {
      const { rows } = await client.query<{ name: string; file: number }>(
        `SELECT relname AS name, relfilenode AS file FROM pg_class
         WHERE relkind = 'i' AND relname IN ('${prefix}events_waiting', '${prefix}events_applied', '${prefix}events_recipient', '${prefix}events_email_id_provider_idx')
         ORDER BY relname`,
      )
      return rows.map(({ name, file }) => [name.slice(prefix.length), file])
    }
    const before = await filesOf('')
    await client.query(`CREATE ROLE app LOGIN PASSWORD 'app'`)
    await client.query('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app')
    // As a role that owns no table.
    const traffic = startTraffic(Object.assign(new URL(databaseUrl), { username: 'app', password: 'app' }).href)
    await applyMigrations({ databaseUrl })
    const { stored, longest } = await traffic.stop()
    assert.ok(stored > 100, `${stored} events came meanwhile`)
    assert.ok(longest < longestMs, `one waited ${longest} ms`)
    console.log(`      ${stored} events came meanwhile, the longest wait was ${Math.round(longest)} ms`)
    assert.deepEqual(await filesOf('first_'), before)
    const count = async (sql: string) => Number((await client.query<{ count: string }>(sql)).rows[0]?.count)
    assert.equal(await count('SELECT count(*) FROM events'), oldEvents + stored)
    assert.equal(
      await count('SELECT count(*) FROM events JOIN event_identities USING (provider, event_id, received_at)'),
      oldEvents + stored,
    )
    assert.equal(await count('SELECT count(*) FROM pg_index WHERE NOT indisvalid'), 0)
    await client.end()
  })

  /** Like the previous release, which runs while its successor migrates. @returns the number of new events. */
  const insertAs030 = (db: Database, { provider, id, emailId, type, occurredAt, receivedAt }: ReceivedEvent) =>
    db.$executeRaw`
      INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, payload, lease_until)
      VALUES (${provider}, ${id}, ${emailId}, ${type}, ${new Date(occurredAt)}, ${new Date(receivedAt)}, '{}', now() + interval '10 s')
      ON CONFLICT DO NOTHING`

  /** Its save, as far as other statements meet it. @returns the number of applied events. */
  const saveAs030 = (db: Database, { provider, id, emailId }: ReceivedEvent) =>
    db.$executeRaw`
      WITH stored AS (INSERT INTO emails (id, provider, revision) VALUES (${emailId}, ${provider}, 1) RETURNING 1)
      UPDATE events SET applied_at = now() FROM stored WHERE provider = ${provider} AND event_id = ${id}`

  it('that move months to the schema of Prisma Studio retain them, including one that is being dropped', async () => {
    const server = new pg.Client({ connectionString: postgres.url })
    await server.connect()
    await server.query('CREATE DATABASE months_of_033')
    await server.end()
    const databaseUrl = postgres.url.replace(/aftersend$/, 'months_of_033')
    await applyMigrations({ databaseUrl, path: await migrationsThrough(lastOf033) })
    const db = createDatabase({ url: databaseUrl, poolSize: 2 })
    await insertAs030(db, receivedEvent())
    const [, leaving, ...before] = (await readEventMonths(db)).map(({ name }) => name)
    await db.pool.query(`ALTER TABLE events DETACH PARTITION ${leaving} CONCURRENTLY`)
    await applyMigrations({ databaseUrl })
    assert.equal(await db.event.count(), 1)
    const names = (await readEventMonths(db)).map(({ name }) => name)
    assert.deepEqual(
      names.slice(1),
      before.map((name) => name.replace('event_months.', '')),
    )
    await dropDetachedMonths(db)
    const { rows } = await db.pool.query("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'events%'")
    assert.deepEqual(rows.map(({ relname }) => relname).sort(), [...names].sort())
    await db.$disconnect()
  })

  /** Stores, repeats and saves events, one after the other, until it is stopped. */
  function startTraffic(url: string) {
    const db = createDatabase({ url, poolSize: 4 })
    let [stored, longest, isStopped] = [0, 0, false]
    const timed = async <T>(work: () => Promise<T>): Promise<T> => {
      const startedAt = performance.now()
      const result = await work()
      longest = Math.max(longest, performance.now() - startedAt)
      return result
    }
    const come = async (stream: number) => {
      for (let n = 0; !isStopped; n++) {
        const event = receivedEvent({ id: `live_${stream}_${n}`, emailId: `live_${stream}_${n}` })
        const old = receivedEvent({ id: `old_${1 + ((n * 7_919 + stream) % oldEvents)}` })
        for (const each of [event, event, old]) {
          const fresh = await timed(() => insertAs030(db, each))
          stored += fresh
        }
        assert.equal(await timed(() => saveAs030(db, event)), 1)
      }
    }
    const streams = [1, 2, 3].map(come)
    return {
      async stop() {
        isStopped = true
        await Promise.all(streams)
        await db.$disconnect()
        return { stored, longest }
      },
    }
  }
})
