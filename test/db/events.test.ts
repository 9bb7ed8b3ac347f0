import assert from 'node:assert/strict'
import type { Database } from '../../src/db/database.ts'
import {
  attemptLimit,
  countFailedAttempt,
  insertEvents,
  quarantineEvents,
  readInboxFigures,
  readUnappliedIds,
} from '../../src/db/events.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { apply, leaseMs, rowWith, store } from './stored.ts'

const keyOf = (id: string) => ({ provider: 'aisend', id })

describe('the events table', () => {
  let database: TestDatabase
  let db: Database

  before(async () => {
    database = await testDatabase()
    db = database.db
  })
  after(() => database.drop())
  beforeEach(() => db.$executeRaw`TRUNCATE events, emails, escalations CASCADE`)

  it('keeps every word of an event, in whatever company it is stored', async () => {
    const plain = receivedEvent({ id: 'evt_1', to: [], recipient: null })
    const full = receivedEvent({
      id: 'evt_2',
      type: 'bounced',
      to: ['ada@example.com', `o'brien"{,}\\@example.com`],
      recipient: 'ada@example.com',
      subject: `NULL, {"quotes"}, \\ and 🎉`,
      bounce: { class: 'soft', code: '4.2.2', message: 'mailbox full, "try" {later}' },
      human: true,
      payload: '{"a": "\\u0000",  "b": [1.0, {}]}',
    })
    await insertEvents(db, [plain, full])
    const row = await rowWith(db, 'evt_2')
    assert.deepEqual([row.to, row.recipient, row.subject], [full.to, full.recipient, full.subject])
    assert.deepEqual([row.bounceClass, row.bounceCode, row.bounceMessage], ['soft', '4.2.2', full.bounce?.message])
    assert.deepEqual([row.occurredAt.getTime(), row.receivedAt.getTime()], [full.occurredAt, full.receivedAt])
    const [stored] = await db.$queryRaw<{ payload: string }[]>`
      SELECT payload::text AS payload FROM events WHERE event_id = 'evt_2'`
    assert.equal(stored?.payload, full.payload)
    assert.deepEqual([(await rowWith(db, 'evt_1')).to, (await rowWith(db, 'evt_1')).subject], [[], null])
  })

  it('tells which events are new, and leaves the others as they are', async () => {
    await store(db, { id: 'evt_1', subject: 'first' })
    const fresh = await store(
      db,
      { id: 'evt_1', subject: 'second' },
      { id: 'evt_2' },
      { id: 'evt_2', subject: 'again' },
    )
    assert.deepEqual(fresh, [keyOf('evt_2')])
    assert.equal((await rowWith(db, 'evt_1')).subject, 'first')
    assert.equal((await rowWith(db, 'evt_2')).subject, null)
  })

  it('takes the same ID from two providers', async () => {
    assert.equal((await store(db, { id: 'evt_1' }, { id: 'evt_1', provider: 'other' })).length, 2)
  })

  it('is stored by many at once without a deadlock, each event once', async () => {
    const events = Array.from({ length: 100 }, (_, n) => receivedEvent({ id: `evt_${String(n).padStart(3, '0')}` }))
    const fresh = await Promise.all(Array.from({ length: 10 }, () => insertEvents(db, events)))
    assert.equal(fresh.flat().length, 100)
  })

  describe('a failed attempt', () => {
    it('doubles the time to the next one, and quarantines at the tenth with the last reason', async () => {
      await store(db, { id: 'bad', type: 'opened' }, { id: 'good' })
      const pauses: number[] = []
      for (let attempt = 1; attempt < attemptLimit; attempt += 1) {
        assert.deepEqual(await countFailedAttempt(db, [keyOf('bad')], `reason ${attempt}`), [])
        pauses.push(Math.round((await leaseMs(db, 'bad')) / 1_000))
        const { attempts, quarantinedReason } = await rowWith(db, 'bad')
        assert.deepEqual([attempts, quarantinedReason], [attempt, null])
      }
      for (const [index, pause] of pauses.entries()) assert.ok(Math.abs(pause - 2 ** index) <= 1, `${pauses}`)
      const quarantined = await countFailedAttempt(db, [keyOf('bad')], 'too large')
      assert.deepEqual(quarantined, [{ provider: 'aisend', type: 'opened' }])
      assert.equal((await rowWith(db, 'bad')).quarantinedReason, 'too large')
      assert.deepEqual(await countFailedAttempt(db, [keyOf('bad')], 'again'), [], 'it is counted once')
      assert.equal((await rowWith(db, 'good')).attempts, 0)
    })

    it('counts nothing against an event that is applied meanwhile', async () => {
      await store(db, { id: 'evt_1' })
      await apply(db, 'evt_1')
      for (let n = 0; n < attemptLimit; n += 1) await countFailedAttempt(db, [keyOf('evt_1')], 'late')
      const { attempts, quarantinedReason } = await rowWith(db, 'evt_1')
      assert.deepEqual([attempts, quarantinedReason], [0, null])
    })
  })

  it('quarantines at once what is unapplied, and tells each once', async () => {
    await store(db, { id: 'a', type: 'opened' }, { id: 'b' }, { id: 'c' })
    await apply(db, 'b')
    const quarantine = () => quarantineEvents(db, 'aisend', ['a', 'b', 'unknown'], 'broken')
    assert.deepEqual(await quarantine(), [{ provider: 'aisend', type: 'opened' }])
    assert.deepEqual(await quarantine(), [])
    assert.deepEqual(await readUnappliedIds(db, 'aisend', ['a', 'b', 'c', 'unknown']), ['a', 'c'])
  })

  it('says what waits and for how long', async () => {
    assert.deepEqual(await readInboxFigures(db), { pending: 0, oldestSeconds: 0, escalationsOpen: 0 })
    await store(db, { id: 'a', receivedAt: Date.now() - 90_000 }, { id: 'b' }, { id: 'c' }, { id: 'd' })
    await apply(db, 'c')
    await quarantineEvents(db, 'aisend', ['d'], 'broken')
    const { pending, oldestSeconds } = await readInboxFigures(db)
    assert.equal(pending, 2)
    assert.ok(Math.abs(oldestSeconds - 90) < 5)
  })
})
