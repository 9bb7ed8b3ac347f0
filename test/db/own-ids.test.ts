import assert from 'node:assert/strict'
import fc from 'fast-check'
import { listEmails } from '../../src/db/emails-read.ts'
import { eraseRecipient } from '../../src/db/erasure.ts'
import { insertEvents } from '../../src/db/events.ts'
import { registerEmail } from '../../src/db/registrations.ts'
import { eraseOldEmailAddresses, eraseOldEventAddresses } from '../../src/db/retention.ts'
import { applyEngagements } from '../../src/db/settled-engagements.ts'
import { readSignalledEvents } from '../../src/db/signalled-events.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import { emptySnapshot, foldEvents } from '../../src/domain/lifecycle.ts'
import { type Metadata, mergedOwnIds, metadataLimits, type OwnIds } from '../../src/domain/own-ids.ts'
import { ExternalIdTakenError } from '../../src/errors.ts'
import { receivedEvent } from '../received-event.ts'
import { useDatabase } from '../stack.ts'
import { emailRow, rowOf, storedSnapshot } from './stored.ts'

const at = Date.UTC(2026, 10, 1)
const ada = 'ada@example.com'

describe('own IDs of an email', () => {
  const { db } = useDatabase('events, emails, suppressions, sendings, erasures, retention_progress')

  const keyOf = (emailId: string, provider = 'aisend') => ({ provider, emailId })
  const register = (emailId: string, own: Partial<OwnIds>, { provider = 'aisend', to = [ada], n = 1 } = {}) => {
    const key = keyOf(emailId, provider)
    const event = { id: `registration:${emailId}:${n}`, type: 'registered', as: 'sent', priority: null } as const
    const stored = rowOf(key, { ...event, occurredAt: at, receivedAt: at }, { to })
    return registerEmail(db, { ...key, to, subject: null, tags: null, priority: null, as: 'sent', ...own }, stored)
  }
  /** Stores and applies an event, as an email's workflow does. */
  async function apply(emailId: string, id: string, own: Partial<OwnIds>, more: object = {}) {
    const key = keyOf(emailId)
    await insertEvents(db, [
      receivedEvent({ ...key, id, type: 'delivered', receivedAt: at, to: [ada], recipient: ada, ...own, ...more }),
    ])
    const row = await emailRow(db, key)
    const before = row && row.revision > 0 ? ((await storedSnapshot(db, key)) ?? emptySnapshot) : emptySnapshot
    const snapshot = foldEvents(before, await readSignalledEvents(db, key.provider, [id]))
    assert.ok(await saveSnapshot(db, { ...key, snapshot, expectedRevision: row?.revision ?? 0, eventIds: [id] }))
  }
  const ownOf = async (emailId: string): Promise<OwnIds> => {
    const row = await emailRow(db, keyOf(emailId))
    return { externalId: row?.externalId ?? null, metadata: (row?.metadata ?? null) as Metadata | null }
  }

  it('are the same in whatever order events and a registration come, together or apart', async () => {
    const metadata = fc.dictionary(
      fc.constantFrom('order', 'customer', 'plan'),
      fc.constantFrom('1', '2', 'B', 'a', 'é'),
    )
    const named: fc.Arbitrary<OwnIds> = fc.record({
      externalId: fc.option(fc.constantFrom('x', 'Y', 'ü')),
      metadata: fc.option(metadata.filter((pairs) => Object.keys(pairs).length > 0)),
    })
    const cases = fc.tuple(fc.array(named, { minLength: 1, maxLength: 4 }), named, fc.nat(4), fc.boolean())
    let run = 0
    await fc.assert(
      fc.asyncProperty(cases, async ([events, registered, place, isTogether]) => {
        const emailId = `em_${run++}`
        // Each run has an ID of its own: what is registered is unique.
        const externalId = registered.externalId && `${registered.externalId}-${run}`
        const ids = events.map((_, index) => `${emailId}:${index}`)
        for (const [index, own] of events.entries()) {
          if (index === place % events.length) await register(emailId, { ...registered, externalId })
          if (!isTogether) await apply(emailId, ids[index] ?? '', own)
        }
        if (isTogether) {
          const rows = events.map((own, index) =>
            receivedEvent({ ...keyOf(emailId), id: ids[index] ?? '', receivedAt: at, ...own }),
          )
          await insertEvents(db, rows)
          const snapshot = foldEvents(emptySnapshot, await readSignalledEvents(db, 'aisend', ids))
          assert.ok(await saveSnapshot(db, { ...keyOf(emailId), snapshot, expectedRevision: 0, eventIds: ids }))
        }
        const carried = mergedOwnIds(events)
        const pairs = { ...carried.metadata, ...registered.metadata }
        assert.deepEqual(await ownOf(emailId), {
          externalId: externalId ?? carried.externalId,
          metadata: Object.keys(pairs).length === 0 ? null : pairs,
        })
      }),
      { numRuns: 30 },
    )
  })

  it('come from an open that is applied without a workflow too', async () => {
    await apply('em_1', 'evt_1', { metadata: { order: '2' } })
    const open = receivedEvent({
      ...keyOf('em_1'),
      id: 'evt_2',
      type: 'opened',
      human: true,
      to: [ada],
      recipient: ada,
    })
    await insertEvents(db, [{ ...open, externalId: 'x', metadata: { order: '1', plan: 'free' } }])
    assert.equal((await applyEngagements(db, [{ ...open, receivedAt: open.receivedAt }])).length, 1)
    assert.deepEqual(await ownOf('em_1'), { externalId: 'x', metadata: { order: '1', plan: 'free' } })
  })

  it('have at most 50 pairs from events, the same ones in any order', async () => {
    const pairsFrom = (start: number) =>
      Object.fromEntries(Array.from({ length: metadataLimits.pairs }, (_, n) => [`key_${start + n}`, 'v']))
    const halves = [pairsFrom(100), pairsFrom(130)]
    for (const [n, order] of [halves, halves.toReversed()].entries()) {
      for (const [index, metadata] of order.entries()) await apply(`em_${n}`, `evt_${n}_${index}`, { metadata })
      assert.deepEqual((await ownOf(`em_${n}`)).metadata, pairsFrom(100))
    }
  })

  it('replace each other key by key in later registrations', async () => {
    await register('em_1', { externalId: 'x', metadata: { order: '1', plan: 'free' } })
    await register('em_1', { metadata: { plan: 'paid' } }, { n: 2 })
    assert.deepEqual(await ownOf('em_1'), { externalId: 'x', metadata: { order: '1', plan: 'paid' } })
    await register('em_1', { externalId: 'y' }, { n: 3 })
    assert.equal((await ownOf('em_1')).externalId, 'y')
    assert.ok((await register('em_2', { externalId: 'x' })).created)
  })

  it('are registered for one email of a project, also by concurrent requests, and by each project', async () => {
    const results = await Promise.allSettled(['em_1', 'em_2', 'em_3'].map((id) => register(id, { externalId: 'x' })))
    const rejected = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason)
    assert.equal(rejected.length, 2)
    const holders = await listEmails(db, { externalId: 'x' }, null, 10)
    assert.equal(holders.length, 1)
    for (const error of rejected) {
      assert.ok(error instanceof ExternalIdTakenError)
      assert.equal(error.emailId, holders[0]?.id)
    }
    assert.equal(await db.event.count(), 1)
    await register('em_1', { externalId: 'x' }, { provider: 'shop:aisend' })
  })

  it('that events carry are never refused, and find all emails that carry them', async () => {
    await register('em_1', { externalId: 'x' })
    await apply('em_2', 'evt_2', { externalId: 'x', metadata: { order: '1' } })
    await apply('em_3', 'evt_3', { metadata: { order: '1', plan: 'free' } })
    const ids = async (filter: Parameters<typeof listEmails>[1]) =>
      (await listEmails(db, filter, null, 10)).map(({ id }) => id).sort()
    assert.deepEqual(await ids({ externalId: 'x' }), ['em_1', 'em_2'])
    assert.deepEqual(await ids({ metadata: { order: '1' } }), ['em_2', 'em_3'])
    assert.deepEqual(await ids({ metadata: { order: '1', plan: 'free' } }), ['em_3'])
    assert.deepEqual(await ids({ metadata: { order: '1' }, externalId: 'x' }), ['em_2'])
    assert.deepEqual(await ids({ metadata: { order: "1' OR true" } }), [])
  })

  describe('of an erased person', () => {
    const own = { externalId: 'order-1', metadata: { order: '1' } }

    it('go with the person, except for the ID, and no event or registration restores them', async () => {
      await register('em_1', own)
      await apply('em_1', 'evt_1', { metadata: { plan: 'free' } })
      await eraseRecipient(db, ada, 100)
      assert.deepEqual(await ownOf('em_1'), { externalId: 'order-1', metadata: null })
      await register('em_1', { metadata: { name: 'Ada' } }, { n: 2 })
      await apply('em_1', 'evt_2', { externalId: ada, metadata: { name: 'Ada' } })
      assert.deepEqual(await ownOf('em_1'), { externalId: 'order-1', metadata: null })
      const events = await db.event.findMany()
      assert.ok(events.every(({ metadata }) => metadata === null))
      assert.doesNotMatch(JSON.stringify([events, await db.email.findMany()]), /\bada\b|free/i)
    })

    it('lose an ID and the pairs that name the address, where others have received the email', async () => {
      const to = [ada, 'grace@example.com']
      await register('em_1', { externalId: `order of ${ada}`, metadata: { order: '1', by: ada } }, { to })
      await eraseRecipient(db, ada, 100)
      assert.deepEqual(await ownOf('em_1'), { externalId: null, metadata: { order: '1' } })
      assert.doesNotMatch(JSON.stringify([await db.event.findMany(), await db.email.findMany()]), /\bada\b/)
    })

    it('lose the pairs that name the address in emails to others', async () => {
      await register('em_1', { metadata: { order: '1', referredBy: 'Ada@Example.com' } }, { to: ['grace@example.com'] })
      await db.$executeRaw`UPDATE events SET applied_at = now()`
      while (!(await eraseRecipient(db, ada, 100)).isComplete);
      assert.deepEqual(await ownOf('em_1'), { externalId: null, metadata: { order: '1' } })
      assert.doesNotMatch(JSON.stringify([await db.event.findMany(), await db.email.findMany()]), /\bada\b/i)
    })

    it('go by age: metadata, and IDs that may be addresses', async () => {
      await register('em_1', own)
      await register('em_2', { externalId: ada, metadata: { order: '2' } })
      await db.$executeRaw`UPDATE events SET applied_at = now()`
      await eraseOldEmailAddresses(db, Date.now() + 1_000, 100)
      await eraseOldEventAddresses(db, Date.now() + 1_000, 100)
      assert.deepEqual(await ownOf('em_1'), { externalId: 'order-1', metadata: null })
      assert.deepEqual(await ownOf('em_2'), { externalId: null, metadata: null })
      assert.doesNotMatch(JSON.stringify([await db.event.findMany(), await db.email.findMany()]), /\bada\b|"order"/)
    })
  })
})
