import assert from 'node:assert/strict'
import pg from 'pg'
import { createDatabase } from '../../src/db/database.ts'
import { completeEventIndexes } from '../../src/db/event-indexes.ts'
import { createEventMonths, readEventMonths } from '../../src/db/event-months.ts'
import { insertEvents } from '../../src/db/events.ts'
import { applyMigrations } from '../../src/db/migrate.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'

describe('an index that is declared ON ONLY events', () => {
  let database: TestDatabase
  let client: pg.Client
  beforeEach(async () => {
    database = await testDatabase()
    // The template may have been made in the month before.
    await createEventMonths(database.db)
    client = new pg.Client({ connectionString: database.url })
    await client.connect()
    await client.query(`
      INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, payload, lease_until)
      SELECT 'aisend', 'old_' || n, 'em_' || n, 'sent', now(), now(), '{}', now() FROM generate_series(1, 50000) AS n`)
    await client.query(
      `CREATE INDEX "events_by_type" ON ONLY "events" ("type", lower("subject")) WHERE "subject" IS NOT NULL`,
    )
  })
  afterEach(async () => {
    await client.end()
    await database.drop()
  })

  const isValid = async () =>
    (await client.query(`SELECT indisvalid FROM pg_index WHERE indexrelid = 'events_by_type'::regclass`)).rows[0]
      ?.indisvalid
  const definitions = async (): Promise<string[]> => {
    const { rows } = await client.query<{ definition: string }>(
      `SELECT substring(pg_get_indexdef(inhrelid) FROM ' USING .*$') AS definition FROM pg_inherits
       WHERE inhparent = 'events_by_type'::regclass`,
    )
    return rows.map(({ definition }) => definition)
  }

  it('is built in every month when migrations are applied, while events are stored, and once', async () => {
    let [isDone, longestMs] = [false, 0]
    const db = createDatabase({ url: database.url, poolSize: 2 })
    const traffic = (async () => {
      for (let n = 0; !isDone; n++) {
        const startedAt = performance.now()
        await insertEvents(db, [receivedEvent({ id: `live_${n}` })])
        longestMs = Math.max(longestMs, performance.now() - startedAt)
      }
    })()
    await applyMigrations({ databaseUrl: database.url })
    isDone = true
    await traffic
    await db.$disconnect()
    assert.ok(longestMs < 2_000, `one waited ${longestMs} ms`)
    const months = await readEventMonths(database.db)
    assert.deepEqual(
      await definitions(),
      months.map(() => ' USING btree (type, lower(subject)) WHERE (subject IS NOT NULL)'),
    )
    assert.equal(await isValid(), true)
    assert.deepEqual(await completeEventIndexes(client), [])
  })

  it('is completed after an interrupted attempt, also in a month created meanwhile', async () => {
    const months = await readEventMonths(database.db)
    await client.query(`DROP TABLE ${months.at(-1)?.name}`)
    // Like after an interrupted attempt: an invalid index with the same name.
    const [first] = months
    await client.query(`CREATE INDEX ${first?.name}_events_by_type ON ${first?.name} (type)`)
    await createEventMonths(database.db)
    await completeEventIndexes(client)
    assert.deepEqual([await isValid(), (await definitions()).length], [true, months.length])
    assert.equal(new Set(await definitions()).size, 1)
  })
})
