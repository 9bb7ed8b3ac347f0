import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Database } from '../../src/db/database.ts'
import { insertEvents, quarantineEvents } from '../../src/db/events.ts'
import { claimOverdueEvents, extendLeases, firstLeaseMs, readWaiting, signalledLeaseMs } from '../../src/db/leases.ts'
import { eventSets } from '../domain/arbitrary-events.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { apply, expireLeases, leaseMs, rowOf, rowWith, store } from './stored.ts'

const keyOf = (id: string) => ({ provider: 'aisend', id })
const storedKeyOf = (id: string) => ({ ...keyOf(id), receivedAt: Date.now() })
const idsOf = (claimed: readonly { event: { id: string } }[]) => claimed.map(({ event }) => event.id).sort()

describe('the leases of events', () => {
  let database: TestDatabase
  let db: Database

  before(async () => {
    database = await testDatabase()
    db = database.db
  })
  after(() => database.drop())
  beforeEach(() => db.$executeRaw`TRUNCATE events, emails, escalations CASCADE`)

  describe('a claim', () => {
    it('gives back the very events that went in, as workflows see them', async () => {
      const email = { provider: 'aisend', emailId: 'em_1' }
      const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1)
      await fc.assert(
        fc.asyncProperty(eventSets, async (events) => {
          await db.$executeRaw`TRUNCATE events`
          const rows = events.map((event) => rowOf(email, event))
          await insertEvents(db, rows)
          await expireLeases(db)
          const claimed = (await claimOverdueEvents(db, 100)).map(({ event }) => event)
          assert.deepEqual(claimed.sort(byId), structuredClone(events).sort(byId))
        }),
        { numRuns: 60 },
      )
    })

    it('leaves leased, applied and quarantined events alone', async () => {
      await store(db, { id: 'due' }, { id: 'applied' }, { id: 'quarantined' })
      await expireLeases(db)
      await apply(db, 'applied')
      await quarantineEvents(db, 'aisend', ['quarantined'], 'broken')
      await store(db, { id: 'leased' })
      assert.deepEqual(idsOf(await claimOverdueEvents(db, 100)), ['due'])
      assert.deepEqual(await claimOverdueEvents(db, 100), [], 'claimed is leased')
      assert.ok(Math.abs((await leaseMs(db, 'due')) - firstLeaseMs) < 2_000)
    })

    it('takes what is longest overdue first', async () => {
      await store(db, { id: 'a' }, { id: 'b' }, { id: 'c' })
      for (const [index, id] of ['b', 'c', 'a'].entries()) {
        await db.$executeRaw`UPDATE events SET lease_until = now() - ${60 - index} * interval '1 second' WHERE event_id = ${id}`
      }
      assert.deepEqual(idsOf(await claimOverdueEvents(db, 2)), ['b', 'c'])
    })

    it('brings with an event whatever else is overdue of its email, before what is overdue of others', async () => {
      const ids = (prefix: string) => Array.from({ length: 20 }, (_, n) => `${prefix}_${n}`)
      const overdueFor = (seconds: number, prefix: string) => db.$executeRaw`
        UPDATE events SET lease_until = now() - ${seconds} * interval '1 second' WHERE event_id LIKE ${`${prefix}%`}`
      await store(db, { id: 'first', emailId: 'em_one' }, ...ids('one').map((id) => ({ id, emailId: 'em_one' })))
      await store(db, ...ids('other').map((id) => ({ id, emailId: id })))
      await overdueFor(60, 'first')
      await overdueFor(30, 'other')
      await overdueFor(1, 'one')
      await store(db, { id: 'leased', emailId: 'em_one' })
      const claimed = idsOf(await claimOverdueEvents(db, 100, 20))
      assert.deepEqual(claimed.filter((id) => !id.startsWith('other')).sort(), ['first', ...ids('one')].sort())
      assert.equal(claimed.length, 40)
      assert.equal((await claimOverdueEvents(db, 100, 20)).length, 1)
    })

    it('takes what is leased for longer than any lease lasts: the clock was set back', async () => {
      await store(db, { id: 'stranded' }, { id: 'signalled' })
      await extendLeases(db, [storedKeyOf('signalled')])
      await db.$executeRaw`UPDATE events SET lease_until = now() + interval '1 hour' WHERE event_id = 'stranded'`
      assert.deepEqual(idsOf(await claimOverdueEvents(db, 9)), ['stranded'])
    })

    it('tells the domain of the email, else of the event, and of nobody', async () => {
      await db.email.create({ data: { id: 'em_1', provider: 'aisend', recipientDomain: 'registered.example' } })
      await store(db, { id: 'a' }, { id: 'b', emailId: 'em_2' }, { id: 'c', emailId: 'em_3', to: [], recipient: null })
      await expireLeases(db)
      const domains = (await claimOverdueEvents(db, 9)).map(({ event, recipientDomain }) => [event.id, recipientDomain])
      assert.deepEqual(Object.fromEntries(domains), { a: 'registered.example', b: 'example.com', c: null })
    })

    it('by eight at once over 300 events leases each to one of them', async () => {
      await insertEvents(
        db,
        Array.from({ length: 300 }, (_, n) => receivedEvent({ id: `evt_${n}` })),
      )
      await expireLeases(db)
      const claimed: string[] = []
      const claimAll = async () => {
        for (;;) {
          const ids = idsOf(await claimOverdueEvents(db, 20))
          if (ids.length === 0) return
          claimed.push(...ids)
        }
      }
      await Promise.all(Array.from({ length: 8 }, claimAll))
      // One that found all remaining rows locked by the others has stopped early; they took them.
      assert.equal(claimed.length, 300)
      assert.equal(new Set(claimed).size, 300)
    })
  })

  describe('a lease that is extended', () => {
    it('is that of events which still wait', async () => {
      await store(db, { id: 'waiting' }, { id: 'applied' }, { id: 'other' })
      await apply(db, 'applied')
      const before = (await rowWith(db, 'applied')).leaseUntil
      assert.equal(await extendLeases(db, ['waiting', 'applied', 'unknown'].map(storedKeyOf)), 1)
      assert.ok(Math.abs((await leaseMs(db, 'waiting')) - signalledLeaseMs) < 2_000)
      assert.deepEqual((await rowWith(db, 'applied')).leaseUntil, before)
      assert.ok((await leaseMs(db, 'other')) <= firstLeaseMs)
    })

    it('does not wait for events that are being applied', async () => {
      await store(db, { id: 'locked' }, { id: 'waiting' })
      await db.$transaction(async (saving) => {
        await saving.$executeRaw`SELECT 1 FROM events WHERE event_id = 'locked' FOR UPDATE`
        assert.equal(await extendLeases(db, ['locked', 'waiting'].map(storedKeyOf)), 1)
      })
      assert.ok((await leaseMs(db, 'locked')) <= firstLeaseMs)
    })
  })

  it('are not asked for to tell which events wait: those that are neither applied nor put aside', async () => {
    const ids = ['waiting', 'leased', 'applied', 'quarantined']
    await store(db, ...ids.map((id) => ({ id })), { id: 'other' })
    await extendLeases(db, [storedKeyOf('leased')])
    await apply(db, 'applied')
    await quarantineEvents(db, 'aisend', ['quarantined'], 'broken')
    const waiting = await readWaiting(db, [...ids, 'unknown'].map(storedKeyOf))
    assert.deepEqual(waiting.map(({ provider, id }) => `${provider} ${id}`).sort(), ['aisend leased', 'aisend waiting'])
  })
})
