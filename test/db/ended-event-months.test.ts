import assert from 'node:assert/strict'
import type { Database } from '../../src/db/database.ts'
import {
  createEventMonths,
  deleteDroppedIdentities,
  dropDetachedMonths,
  dropEventMonth,
  readEventMonths,
} from '../../src/db/event-months.ts'
import { insertEvents } from '../../src/db/events.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { endFirstMonth } from './end-first-month.ts'

const dayMs = 86_400_000

describe('months of events that have ended', () => {
  let database: TestDatabase
  let db: Database
  beforeEach(async () => {
    database = await testDatabase()
    db = database.db
  })
  afterEach(() => database.drop())

  const namesOf = async () => (await readEventMonths(db)).map(({ name }) => name)

  /** The first month, which ended 40 days ago, and the next ones. */
  async function endedMonth() {
    await endFirstMonth(db, 40)
    await createEventMonths(db)
    const [ended, next] = await readEventMonths(db)
    assert.ok(ended && next)
    return { ended, next }
  }

  it('are dropped with their identities, and the next months stay', async () => {
    const { ended, next } = await endedMonth()
    const [first, second] = [ended.until.getTime() - dayMs, next.until.getTime() - dayMs]
    await insertEvents(db, [
      receivedEvent({ id: 'old', receivedAt: first }),
      receivedEvent({ id: 'new', receivedAt: second }),
    ])
    await db.$executeRaw`UPDATE events SET applied_at = now()`
    assert.equal(await deleteDroppedIdentities(db, 10), 0)
    await dropEventMonth(db, ended)
    assert.deepEqual([await deleteDroppedIdentities(db, 10), await deleteDroppedIdentities(db, 10)], [1, 0])
    assert.deepEqual(
      (await db.eventIdentity.findMany()).map(({ eventId }) => eventId),
      ['new'],
    )
    assert.deepEqual(
      (await db.event.findMany()).map(({ eventId }) => eventId),
      ['new'],
    )
    assert.equal((await insertEvents(db, [receivedEvent({ id: 'new', receivedAt: second })])).length, 0)
  })

  it('are not dropped before they have ended, with pending events, or if they are other tables', async () => {
    const { ended, next } = await endedMonth()
    const before = await namesOf()
    await insertEvents(db, [receivedEvent({ receivedAt: ended.until.getTime() - dayMs })])
    await assert.rejects(dropEventMonth(db, ended), /has pending events/)
    await assert.rejects(dropEventMonth(db, { name: before.at(-1) ?? '' }), /has not ended/)
    for (const name of ['emails', 'events', 'event_identities', 'events_9999_01', `${next.name}; DROP TABLE emails`]) {
      await assert.rejects(dropEventMonth(db, { name }), /is no month of events/)
    }
    assert.deepEqual(await namesOf(), before)
    assert.equal(await db.event.count(), 1)
  })

  it('are dropped while statements use the table, which wait for less than a second', async () => {
    const { ended } = await endedMonth()
    const [reader, other] = [await db.pool.connect(), await db.pool.connect()]
    await reader.query('BEGIN; SELECT count(*) FROM events')
    const dropped = dropEventMonth(db, ended)
    const waits: number[] = []
    for (let n = 0; n < 20; n++) {
      const startedAt = performance.now()
      await other.query('SELECT count(*) FROM events')
      waits.push(performance.now() - startedAt)
    }
    await reader.query('COMMIT')
    await dropped
    reader.release()
    other.release()
    assert.ok(Math.max(...waits) < 1_000, `${Math.max(...waits)} ms`)
    assert.ok(!(await namesOf()).includes(ended.name))
  })

  it('that a worker of an older release has detached are dropped by the next call, and no other tables', async () => {
    const { ended, next } = await endedMonth()
    await db.pool.query(`COMMENT ON TABLE ${ended.name} IS 'to be dropped'`)
    await db.pool.query(`ALTER TABLE events DETACH PARTITION ${ended.name} CONCURRENTLY`)
    await db.pool.query(`ALTER TABLE events DETACH PARTITION ${next.name}`)
    await dropDetachedMonths(db)
    const { rows } = await db.pool.query('SELECT relname FROM pg_class WHERE relname = ANY($1)', [
      [ended.name, next.name],
    ])
    assert.deepEqual(rows, [{ relname: next.name }])
  })

  it('whose detachment was interrupted in an older release are dropped', async () => {
    const { ended } = await endedMonth()
    const reader = await db.pool.connect()
    await reader.query('BEGIN; SELECT count(*) FROM events')
    const client = await db.pool.connect()
    await client.query("SET statement_timeout = '500ms'")
    await assert.rejects(client.query(`ALTER TABLE events DETACH PARTITION ${ended.name} CONCURRENTLY`))
    await client.query('RESET statement_timeout')
    await reader.query('COMMIT')
    reader.release()
    client.release()
    await dropEventMonth(db, ended)
    assert.ok(!(await namesOf()).includes(ended.name))
  })
})
