import assert from 'node:assert/strict'
import fc from 'fast-check'
import { insertEvents } from '../../src/db/events.ts'
import { applyEngagements } from '../../src/db/settled-engagements.ts'
import { readSignalledEvents } from '../../src/db/signalled-events.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import type { LifecycleEvent } from '../../src/domain/events.ts'
import { emptySnapshot, foldEvents, recipientStateOf, type Snapshot, statusOf } from '../../src/domain/lifecycle.ts'
import { eventSets } from '../domain/arbitrary-events.ts'
import { emptyTables, useDatabase } from '../stack.ts'
import { addressesOf, emailRow, recipientRows, rowOf, storedSnapshot, storeSignalled, unappliedIds } from './stored.ts'

const email = { provider: 'aisend', emailId: 'em_1' }
const other = { provider: 'aisend', emailId: 'em_2' }
const at = Date.UTC(2026, 0, 1)
const delivered: LifecycleEvent = { id: 'delivered', type: 'delivered', occurredAt: at, receivedAt: at }
const opened = (id: string, human = true): LifecycleEvent =>
  ({ id, type: 'opened', human, occurredAt: at + 1_000, receivedAt: at + 1_000 }) as const
const isEngagement = ({ type }: LifecycleEvent) => type === 'opened' || type === 'clicked'

describe('opens and clicks of settled emails', () => {
  const { db } = useDatabase('events, emails')
  const store = (of: typeof email, events: readonly LifecycleEvent[]) =>
    insertEvents(
      db,
      events.map((event) => rowOf(of, event, addressesOf(event))),
    )
  const keysOf = (events: readonly LifecycleEvent[]) =>
    events.map(({ id, receivedAt }) => ({ provider: email.provider, id, receivedAt }))
  const applyBySql = async (events: readonly LifecycleEvent[]) =>
    events.length === 0 ? [] : (await applyEngagements(db, keysOf(events))).map(({ id }) => id)
  const load = async (of = email): Promise<{ snapshot: Snapshot; revision: number }> => {
    const snapshot = await storedSnapshot(db, of)
    return snapshot
      ? { snapshot, revision: (await emailRow(db, of))?.revision ?? 0 }
      : { snapshot: emptySnapshot, revision: 0 }
  }
  const save = (from: { snapshot: Snapshot; revision: number }, events: readonly LifecycleEvent[], of = email) =>
    saveSnapshot(db, {
      ...of,
      snapshot: foldEvents(from.snapshot, events),
      expectedRevision: from.revision,
      eventIds: events.map(({ id }) => id),
    })

  it('are applied in SQL with the result of the fold, for any split between SQL and the workflow', async () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 4 })), { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(eventSets, steps, async (given, cuts) => {
        await emptyTables(db, 'events, emails')
        const events = await storeSignalled(db, email, given)
        const waiting = [...events]
        let step = 0
        while (waiting.length > 0) {
          const [bySql, size] = cuts[step++ % cuts.length] ?? [false, 1]
          const batch = waiting.splice(0, size)
          const applied = bySql ? await applyBySql(batch.filter(isEngagement)) : []
          const rest = batch.filter(({ id }) => !applied.includes(id))
          if (rest.length > 0) assert.ok(await save(await load(), rest))
        }
        const expected = foldEvents(emptySnapshot, events)
        assert.deepEqual((await load()).snapshot, expected)
        const row = await emailRow(db, email)
        if (row) assert.equal(row.status, statusOf(expected))
        for (const { key, status, delivery } of await recipientRows(db, email)) {
          const state = recipientStateOf(expected, key)
          assert.deepEqual({ status, delivery }, { status: state.status, delivery: state.delivery })
        }
        assert.deepEqual(await unappliedIds(db), [])
      }),
      { numRuns: 150 },
    )
  })

  it('are left to the workflow where the email has nothing but events of unknown types for whom they name', async () => {
    const noted: LifecycleEvent = { id: 'noted', type: 'unknown', isNoted: true, occurredAt: at, receivedAt: at }
    const events = [noted, { ...delivered, recipient: 'a' }, opened('open', false)]
    const [first, second, open] = await storeSignalled(db, email, events)
    assert.ok(first && second && open)
    await save(await load(), [first, second])
    assert.deepEqual(await applyBySql([open]), [])
    assert.ok(await save(await load(), [open]))
    assert.deepEqual((await load()).snapshot, foldEvents(emptySnapshot, [first, second, open]))
  })

  it('make the save of an older row stale, so that the workflow folds again', async () => {
    await store(email, [delivered])
    await save(await load(), [delivered])
    const older = await load()
    const complained: LifecycleEvent = { id: 'complained', type: 'complained', occurredAt: at, receivedAt: at }
    await store(email, [opened('open'), complained])
    assert.deepEqual(await applyBySql([opened('open')]), ['open'])
    assert.equal(await save(older, [complained]), false)
    assert.ok(await save(await load(), [complained]))
    assert.deepEqual((await load()).snapshot, foldEvents(emptySnapshot, [delivered, opened('open'), complained]))
  })

  it('are distinguished from a save that a failover has lost', async () => {
    await store(email, [delivered])
    await save(await load(), [delivered])
    const replica = await load()
    const complained: LifecycleEvent = { id: 'complained', type: 'complained', occurredAt: at, receivedAt: at }
    const lost = { snapshot: foldEvents(replica.snapshot, [complained]), revision: replica.revision + 1 }
    const sent: LifecycleEvent = { id: 'sent', type: 'sent', occurredAt: at, receivedAt: at }
    await store(email, [opened('open'), sent])
    await applyBySql([opened('open')])
    assert.equal(await save(lost, [sent]), false)
    assert.deepEqual((await load()).snapshot, foldEvents(emptySnapshot, [delivered, opened('open')]))
  })

  it('are not applied while their email is not settled', async () => {
    const sent: LifecycleEvent = { id: 'sent', type: 'sent', occurredAt: at, receivedAt: at }
    await store(email, [sent, opened('open')])
    await save(await load(), [sent])
    assert.deepEqual(await applyBySql([opened('open')]), [])
    assert.deepEqual(await unappliedIds(db), ['open'])
  })

  it('are not applied if they name further recipients, whom only the workflow adds', async () => {
    const queued: LifecycleEvent = { id: 'queued', type: 'queued', recipient: 'a', occurredAt: at, receivedAt: at }
    const open: LifecycleEvent = { ...opened('of both'), to: ['b', 'a'] }
    const [first, second, third] = await storeSignalled(db, email, [queued, delivered, open])
    assert.ok(first && second && third)
    await save(await load(), [first, second])
    assert.deepEqual(await applyBySql([third]), [])
    await save(await load(), [third])
    assert.deepEqual((await load()).snapshot, foldEvents(emptySnapshot, [first, second, third]))
  })

  it('of many emails are applied by one statement, and once each by concurrent statements', async () => {
    for (const of of [email, other]) {
      const first = { ...delivered, id: `delivered ${of.emailId}` }
      await store(of, [first])
      await save(await load(of), [first], of)
    }
    const opens = Array.from({ length: 50 }, (_, n) => opened(`open_${n}`))
    await store(email, opens.slice(0, 25))
    await store(other, opens.slice(25))
    const keys = keysOf(opens)
    const applied = await Promise.all(Array.from({ length: 6 }, () => applyEngagements(db, keys)))
    assert.equal(new Set(applied.flat().map(({ id }) => id)).size, 50)
    assert.equal(applied.flat().length, 50)
    assert.deepEqual([(await load()).snapshot.opens.total, (await load(other)).snapshot.opens.total], [25, 25])
  })

  it('do not change emails and events of another provider with the same ID', async () => {
    const elsewhere = { provider: 'other', emailId: 'em_1' }
    for (const of of [email, elsewhere]) {
      await store(of, [delivered])
      await save(await load(of), [delivered], of)
    }
    await store(email, [opened('same'), opened('of aisend')])
    await store(elsewhere, [{ id: 'same', type: 'sent', occurredAt: at, receivedAt: at }, opened('of other')])
    const keys = [
      ...keysOf([opened('same'), opened('of aisend')]),
      { provider: 'other', id: 'of other', receivedAt: at },
    ]
    assert.equal((await applyEngagements(db, keys)).length, 3)
    assert.deepEqual(await unappliedIds(db), ['same'])
  })

  it('of an email with an erased recipient lose personal data', async () => {
    const named = { to: ['ada@example.com'], recipient: 'ada@example.com' }
    await insertEvents(db, [rowOf(email, delivered, named)])
    await save(await load(), await readSignalledEvents(db, email.provider, [delivered.id]))
    await db.$executeRaw`UPDATE emails SET erased_at = now(), "to" = '{erased}', recipients = '{erased}'`
    await insertEvents(db, [rowOf(email, opened('open'), { ...named, payload: '{"ip":"192.0.2.1"}' })])
    assert.deepEqual(await applyBySql([opened('open')]), ['open'])
    const row = await db.event.findFirstOrThrow({ where: { eventId: 'open' } })
    assert.deepEqual([row.recipient, row.payload, row.to], [null, null, []])
  })
})
