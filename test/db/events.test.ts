import assert from 'node:assert/strict'
import { insertEvents, quarantineEvents, readInboxFigures, readUnappliedIds } from '../../src/db/events.ts'
import { receivedEvent } from '../received-event.ts'
import { useDatabase } from '../stack.ts'
import { apply, rowWith, store } from './stored.ts'

const keyOf = (id: string) => ({ provider: 'aisend', id })

describe('the events table', () => {
  const { db } = useDatabase('events, emails, escalations')

  it('stores every field of an event, alone and together with others', async () => {
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

  it('reports which events are new, and does not change the others', async () => {
    await store(db, { id: 'evt_1', subject: 'first' })
    const fresh = await store(
      db,
      { id: 'evt_1', subject: 'second' },
      { id: 'evt_2' },
      { id: 'evt_2', subject: 'again' },
    )
    assert.deepEqual(
      fresh.map(({ provider, id }) => ({ provider, id })),
      [keyOf('evt_2')],
    )
    assert.equal((await rowWith(db, 'evt_1')).subject, 'first')
    assert.equal((await rowWith(db, 'evt_2')).subject, null)
  })

  it('stores the same ID of two providers', async () => {
    assert.equal((await store(db, { id: 'evt_1' }, { id: 'evt_1', provider: 'other' })).length, 2)
  })

  it('stores events of concurrent statements once each, without a deadlock', async () => {
    const events = Array.from({ length: 100 }, (_, n) => receivedEvent({ id: `evt_${String(n).padStart(3, '0')}` }))
    const fresh = await Promise.all(Array.from({ length: 10 }, () => insertEvents(db, events)))
    assert.equal(fresh.flat().length, 100)
  })

  it('quarantines unapplied events at once, and reports each once', async () => {
    await store(db, { id: 'a', type: 'opened' }, { id: 'b' }, { id: 'c' })
    await apply(db, 'b')
    const quarantine = () => quarantineEvents(db, 'aisend', ['a', 'b', 'unknown'], 'broken')
    assert.deepEqual(await quarantine(), [{ provider: 'aisend', type: 'opened' }])
    assert.deepEqual(await quarantine(), [])
    assert.deepEqual(await readUnappliedIds(db, 'aisend', ['a', 'b', 'c', 'unknown']), ['a', 'c'])
  })

  it('reports the number and age of pending events', async () => {
    assert.deepEqual(await readInboxFigures(db), { pending: 0, oldestSeconds: 0, escalationsOpen: 0 })
    await store(db, { id: 'a', receivedAt: Date.now() - 90_000 }, { id: 'b' }, { id: 'c' }, { id: 'd' })
    await apply(db, 'c')
    await quarantineEvents(db, 'aisend', ['d'], 'broken')
    const { pending, oldestSeconds } = await readInboxFigures(db)
    assert.equal(pending, 2)
    assert.ok(Math.abs(oldestSeconds - 90) < 5)
  })
})
