import assert from 'node:assert/strict'
import fc from 'fast-check'
import { insertEvents } from '../../src/db/events.ts'
import { registerEmail } from '../../src/db/registrations.ts'
import { readSignalledEvents } from '../../src/db/signalled-events.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import type { LifecycleEvent } from '../../src/domain/events.ts'
import { changedRecipients, emptySnapshot, foldEvents, type Snapshot } from '../../src/domain/lifecycle.ts'
import type { Registration } from '../../src/domain/registration.ts'
import { eventSets } from '../domain/arbitrary-events.ts'
import { receivedEvent } from '../received-event.ts'
import { useDatabase } from '../stack.ts'
import { addressesOf, emailRow, rowOf, store, storedSnapshot, storeSignalled, unappliedIds } from './stored.ts'

const email = { provider: 'aisend', emailId: 'em_1' }
const at = Date.UTC(2026, 0, 1)
const delivered: LifecycleEvent = { id: 'evt_1', type: 'delivered', occurredAt: at, receivedAt: at }
const opened: LifecycleEvent = { id: 'evt_2', type: 'opened', human: true, occurredAt: at + 5, receivedAt: at + 6 }

const idsOf = (events: readonly LifecycleEvent[]) => events.map(({ id }) => id)

describe('a saved snapshot', () => {
  const { db } = useDatabase('events, emails')

  const storeEvents = (...events: LifecycleEvent[]) =>
    insertEvents(
      db,
      events.map((event) => rowOf(email, event, addressesOf(event))),
    )
  const save = (from: Snapshot, expectedRevision: number, events: readonly LifecycleEvent[]) =>
    saveSnapshot(db, { ...email, snapshot: foldEvents(from, events), expectedRevision, eventIds: idsOf(events) })

  it('is loaded as it was folded, for any events, in one save or two', async () => {
    let run = 0
    const cutEvents = fc.tuple(eventSets, fc.nat(12)).filter(([events]) => events.length > 0)
    await fc.assert(
      fc.asyncProperty(cutEvents, async ([given, cut]) => {
        const key = { provider: 'aisend', emailId: `em_${run++}` }
        const named = given.map((event) => ({ ...event, id: `${key.emailId}:${event.id}` }))
        const events = await storeSignalled(db, key, named)
        let [snapshot, expectedRevision]: [Snapshot, number] = [emptySnapshot, 0]
        for (const batch of [events.slice(0, cut), events.slice(cut)].filter((part) => part.length > 0)) {
          const before = snapshot
          snapshot = foldEvents(before, batch)
          const changed = changedRecipients(before, snapshot)
          const save = { ...key, snapshot, expectedRevision, eventIds: idsOf(batch), changedRecipients: changed }
          const saved = await saveSnapshot(db, save)
          assert.ok(saved)
          expectedRevision += 1
          assert.deepEqual(await storedSnapshot(db, key), snapshot)
        }
        assert.equal((await emailRow(db, key))?.revision, expectedRevision)
      }),
      { numRuns: 150 },
    )
    assert.deepEqual(await unappliedIds(db), [])
  })

  it('is refused when it was folded from an older revision', async () => {
    await storeEvents(delivered, opened)
    assert.ok(await save(emptySnapshot, 0, [delivered]))
    for (const stale of [0, 2]) assert.equal(await save(emptySnapshot, stale, [opened]), false)
    assert.deepEqual(await storedSnapshot(db, email), foldEvents(emptySnapshot, [delivered]))
    assert.deepEqual(await unappliedIds(db), ['evt_2'])
  })

  it('is refused when one of its events is applied already', async () => {
    await storeEvents(delivered, opened)
    assert.ok(await save(emptySnapshot, 0, [opened]))
    assert.equal(await save(emptySnapshot, 1, [delivered, opened]), false)
    assert.equal((await storedSnapshot(db, email))?.opens.total, 1)
    assert.deepEqual(await unappliedIds(db), ['evt_1'])
  })

  it('is refused when one of its events was never stored', async () => {
    await storeEvents(delivered)
    assert.equal(await save(emptySnapshot, 0, [delivered, opened]), false)
    assert.equal(await emailRow(db, email), null)
    assert.deepEqual(await unappliedIds(db), ['evt_1'])
  })

  it('is one of two concurrent saves of the same revision', async () => {
    const rounds = Array.from({ length: 20 }, (_, round) => round)
    let snapshot: Snapshot = emptySnapshot
    for (const round of rounds) {
      const rivals: LifecycleEvent[] = ['a', 'b', 'c'].map((name) => ({ ...opened, id: `evt_${round}_${name}` }))
      await storeEvents(...rivals)
      const from = snapshot
      const saved = await Promise.all(rivals.map((rival) => save(from, round, [rival])))
      assert.equal(saved.filter(Boolean).length, 1)
      snapshot = foldEvents(snapshot, [opened])
      assert.deepEqual(await storedSnapshot(db, email), snapshot)
    }
    assert.equal((await unappliedIds(db)).length, 2 * rounds.length)
  })

  it('applies the same events once in two concurrent saves', async () => {
    await storeEvents(delivered, opened)
    const saved = await Promise.all([1, 2, 3].map(() => save(emptySnapshot, 0, [delivered, opened])))
    assert.deepEqual(saved.filter(Boolean), [true])
    assert.equal((await emailRow(db, email))?.revision, 1)
  })

  it('is stored together with its applied events or not at all', async () => {
    await storeEvents(delivered)
    await db.$executeRaw`ALTER TABLE events ADD CONSTRAINT refusal CHECK (applied_at IS NULL)`
    await assert.rejects(save(emptySnapshot, 0, [delivered]))
    assert.equal(await emailRow(db, email), null)
    await db.$executeRaw`ALTER TABLE events DROP CONSTRAINT refusal`
    await db.$executeRaw`ALTER TABLE emails ADD CONSTRAINT refusal CHECK (delivered_at IS NULL)`
    await assert.rejects(save(emptySnapshot, 0, [delivered]))
    assert.deepEqual(await unappliedIds(db), ['evt_1'])
    await db.$executeRaw`ALTER TABLE emails DROP CONSTRAINT refusal`
    assert.ok(await save(emptySnapshot, 0, [delivered]))
    assert.deepEqual(await unappliedIds(db), [])
  })

  it('applies an event that was quarantined before', async () => {
    await storeEvents(delivered)
    await db.$executeRaw`UPDATE events SET quarantined_reason = 'too large'`
    assert.ok(await save(emptySnapshot, 0, [delivered]))
    const row = await db.event.findFirstOrThrow()
    assert.ok(row.appliedAt)
    assert.equal(row.quarantinedReason, null)
  })

  it('of an unregistered email has recipients and subject of the earliest save', async () => {
    await store(db, { id: 'evt_1', to: [], subject: null, recipient: null })
    await store(db, { id: 'evt_2', type: 'opened', to: ['ada@example.com', 'bob@example.org'], subject: 'Hello' })
    await store(db, { id: 'evt_3', type: 'opened', to: ['eve@example.net'], subject: 'Other' })
    const facts = { occurredAt: at, receivedAt: at }
    assert.ok(await save(emptySnapshot, 0, [{ id: 'evt_1', type: 'sent', ...facts }]))
    const silent = await emailRow(db, email)
    assert.deepEqual([silent?.to, silent?.recipientDomain, silent?.subject], [[], null, null])
    for (const [index, id] of ['evt_2', 'evt_3'].entries()) {
      const before = (await storedSnapshot(db, email)) ?? emptySnapshot
      assert.ok(await save(before, index + 1, [{ id, type: 'opened', human: true, ...facts }]))
    }
    const row = await emailRow(db, email)
    assert.deepEqual(row?.to, ['ada@example.com', 'bob@example.org'])
    assert.deepEqual(row?.recipients, ['ada@example.com', 'bob@example.org'])
    assert.deepEqual([row?.recipientDomain, row?.subject], ['example.com', 'Hello'])
  })

  describe('and a registration', () => {
    const registration: Registration = {
      ...email,
      to: ['Ada@Example.com'],
      subject: 'Your receipt',
      tags: ['receipt'],
      priority: 'critical',
      as: 'sent',
    }
    const registered: LifecycleEvent = {
      id: 'registration:1',
      type: 'registered',
      occurredAt: at + 1,
      receivedAt: at + 1,
      as: 'sent',
      priority: 'critical',
    }
    const register = async (parts: Partial<Registration> = {}, event = registered) => {
      const stored = rowOf(email, event, { to: ['ada@example.com'] })
      const { created } = await registerEmail(db, { ...registration, ...parts }, stored)
      return { created }
    }

    it('that the workflow has not received is not undone', async () => {
      assert.deepEqual(await register(), { created: true })
      await storeEvents(delivered)
      assert.ok(await save(emptySnapshot, 0, [delivered]))
      const row = await emailRow(db, email)
      assert.deepEqual([row?.priority, row?.status, row?.tags], ['critical', 'delivered', ['receipt']])
      assert.deepEqual([row?.to, row?.recipients], [['Ada@Example.com'], ['ada@example.com']])
      assert.equal(row?.registeredAt?.getTime(), at + 1)
      assert.ok(row?.registeredAsSent)
      const [asStored] = await readSignalledEvents(db, email.provider, [registered.id])
      assert.ok(asStored?.recipient)
      assert.ok(await save(foldEvents(emptySnapshot, [delivered]), 1, [asStored]))
      assert.deepEqual(await storedSnapshot(db, email), foldEvents(emptySnapshot, [delivered, asStored]))
    })

    it('keep the subject of the registration', async () => {
      await register()
      await store(db, { id: 'evt_1', type: 'delivered', to: ['eve@example.net'], subject: 'Other' })
      assert.ok(await save(emptySnapshot, 0, [delivered]))
      const row = await emailRow(db, email)
      assert.deepEqual([row?.subject, row?.recipients], ['Your receipt', ['ada@example.com']])
    })

    it('after the events does not change the fold', async () => {
      await storeEvents(delivered, opened)
      assert.ok(await save(emptySnapshot, 0, [delivered, opened]))
      assert.deepEqual(await register(), { created: true })
      const row = await emailRow(db, email)
      assert.deepEqual([row?.status, row?.opensTotal, row?.revision], ['opened', 1, 1])
      assert.deepEqual([row?.priority, row?.subject], ['critical', 'Your receipt'])
    })

    it('that is repeated merges: absent fields stay, the last values win, and the first one is new', async () => {
      assert.deepEqual(await register(), { created: true })
      const again = (id: number, parts: Partial<Registration>) =>
        register(
          { subject: null, tags: null, priority: null, ...parts },
          { ...registered, id: `r:${id}`, occurredAt: at + id },
        )
      assert.deepEqual(await again(2, {}), { created: false })
      assert.deepEqual(await again(3, { subject: 'Corrected', tags: [] }), { created: false })
      assert.deepEqual(await again(4, { priority: 'bulk', as: 'queued' }), { created: false })
      const row = await emailRow(db, email)
      assert.deepEqual([row?.subject, row?.tags, row?.priority], ['Corrected', [], 'bulk'])
      assert.deepEqual([row?.registeredAt?.getTime(), row?.registeredAsSent], [at + 1, true])
      assert.equal(await db.event.count(), 4)
    })

    it('that arrives after a newer one does not undo its priority', async () => {
      const named = (id: number, priority: Registration['priority'], occurredAt: number) =>
        register({ priority }, { ...registered, id: `r:${id}`, occurredAt })
      await named(2, 'bulk', at + 5)
      await named(3, 'critical', at + 4)
      await named(4, null, at + 6)
      assert.equal((await emailRow(db, email))?.priority, 'bulk')
      // Of two with the same time the more urgent one, in any order.
      await named(5, 'critical', at + 5)
      await named(6, 'normal', at + 5)
      const row = await emailRow(db, email)
      assert.deepEqual([row?.priority, row?.priorityNamedAt?.getTime()], ['critical', at + 5])
    })

    it('are stored with their event or not at all', async () => {
      await db.$executeRaw`ALTER TABLE emails ADD CONSTRAINT refusal CHECK (subject <> 'Your receipt')`
      await assert.rejects(register())
      await db.$executeRaw`ALTER TABLE emails DROP CONSTRAINT refusal`
      assert.equal(await db.event.count(), 0)
      await db.$executeRaw`ALTER TABLE events ADD CONSTRAINT refusal CHECK (type <> 'aftersend.registered')`
      await assert.rejects(register())
      await db.$executeRaw`ALTER TABLE events DROP CONSTRAINT refusal`
      assert.equal(await emailRow(db, email), null)
    })
  })

  it('is found by its provider', async () => {
    await insertEvents(db, [receivedEvent(), receivedEvent({ provider: 'other', emailId: 'em_1' })])
    const sent: LifecycleEvent = { id: 'evt_1', type: 'sent', occurredAt: at, receivedAt: at }
    assert.ok(await save(emptySnapshot, 0, [sent]))
    assert.equal(await emailRow(db, { ...email, provider: 'other' }), null)
    assert.equal(await db.event.count({ where: { provider: 'other', appliedAt: null } }), 1)
  })
})
