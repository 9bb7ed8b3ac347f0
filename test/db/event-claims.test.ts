import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  attemptLimit,
  claimEvents,
  deferEvents,
  leaseMs,
  rejectEvents,
  releaseEvents,
} from '../../src/db/event-claims.ts'
import { insertEvents, quarantineEvents } from '../../src/db/events.ts'
import type { LifecycleEvent } from '../../src/domain/events.ts'
import { eventSets } from '../domain/arbitrary-events.ts'
import { receivedEvent } from '../received-event.ts'
import { emptyTables, useDatabase } from '../stack.ts'
import { apply, leaseLeftMs, rowWith, store, storeSignalled, unclaimAll } from './stored.ts'

const keyOf = (id: string) => ({ provider: 'aisend', id, receivedAt: Date.now() })
const idsOf = (claimed: readonly { event: { id: string } }[]) => claimed.map(({ event }) => event.id).sort()
const wide = { window: 1_000, emails: 1_000 }
const four = { window: 1_000, emails: 4 }

describe('a claim of events', () => {
  const { db } = useDatabase('events, emails, escalations')

  const claim = async (limits = wide) => idsOf((await claimEvents(db, limits)).events)
  const numbered = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, n) =>
      receivedEvent({ id: `${prefix}_${n}`, emailId: `${prefix}_${n}`, receivedAt: Date.now() - 60_000 + n * 1_000 }),
    )
  const storeUnclaimed = (...events: Parameters<typeof receivedEvent>[0][]) =>
    insertEvents(db, events.map(receivedEvent), () => false)

  it('returns the stored events in the form of workflows', async () => {
    const email = { provider: 'aisend', emailId: 'em_1' }
    // Without what the database adds: keys of its own, and judgements.
    const plain = ({ recipient, to, ...event }: LifecycleEvent) => ({
      ...event,
      isNamed: [recipient !== undefined, to?.length],
      ...(event.type === 'bounced' && { bounce: { class: event.bounce.class, code: event.bounce.code } }),
      ...(event.type === 'unknown' && { isNoted: true }),
    })
    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1)
    await fc.assert(
      fc.asyncProperty(eventSets, async (events) => {
        await emptyTables(db, 'events')
        const stored = await storeSignalled(db, email, events)
        const claimed = (await claimEvents(db, wide)).events.map(({ event }) => event)
        assert.deepEqual(claimed.sort(byId), stored.sort(byId))
        assert.deepEqual(claimed.map(plain), events.toSorted(byId).map(plain))
      }),
      { numRuns: 60 },
    )
  })

  it('skips claimed, applied and quarantined events', async () => {
    await store(db, { id: 'due' }, { id: 'applied' }, { id: 'quarantined' })
    await unclaimAll(db)
    await apply(db, 'applied')
    await quarantineEvents(db, 'aisend', ['quarantined'], 'broken')
    await store(db, { id: 'claimed' })
    assert.deepEqual(await claim(), ['due'])
    assert.deepEqual(await claim(), [])
    assert.ok(Math.abs((await leaseLeftMs(db, 'due')) - leaseMs) < 2_000)
  })

  it('claims half from the oldest and half from the newest events', async () => {
    await insertEvents(db, numbered('evt', 9), () => false)
    assert.deepEqual(await claim(four), ['evt_0', 'evt_1', 'evt_7', 'evt_8'])
  })

  it('claims the more urgent events first, from both ends', async () => {
    for (const [id, priority] of [
      ['c', 'critical'],
      ['n', 'normal'],
      ['b', 'bulk'],
    ] as const) {
      await db.email.create({ data: { id, provider: 'aisend', priority } })
      await storeUnclaimed(...numbered(id, 3).map((event) => ({ ...event, emailId: id })))
      // Events of one email are claimed together, so each has its own email.
      await db.$executeRaw`UPDATE events SET email_id = event_id WHERE email_id = ${id}`
    }
    // Four events, two from each end; with three, one would be at both ends.
    const claims = [await claim(four), await claim(four), await claim(four)]
    assert.deepEqual(claims, [
      ['c_0', 'c_1', 'c_2'],
      ['n_0', 'n_1', 'n_2'],
      ['b_0', 'b_1', 'b_2'],
    ])
  })

  it('claims the other pending events of an email together, before those of other emails', async () => {
    const ids = (prefix: string) => Array.from({ length: 20 }, (_, n) => `${prefix}_${n}`)
    const at = (secondsAgo: number) => Date.now() - secondsAgo * 1_000
    await storeUnclaimed({ id: 'first', emailId: 'em_one', receivedAt: at(60) })
    await storeUnclaimed(...ids('other').map((id) => ({ id, emailId: id, receivedAt: at(30) })))
    await storeUnclaimed(...ids('one').map((id) => ({ id, emailId: 'em_one', receivedAt: at(31) })))
    await store(db, { id: 'claimed', emailId: 'em_one' })
    const claimed = await claim({ window: 1_000, emails: 2 })
    assert.deepEqual(claimed.filter((id) => !id.startsWith('other')).sort(), ['first', ...ids('one')].sort())
    assert.equal(claimed.length, 22)
  })

  it('claims up to the room in the window, and counts claimed and unapplied events', async () => {
    await store(db, ...numbered('claimed', 5))
    await insertEvents(db, numbered('evt', 10), () => false)
    const { events, inFlight, hasMore } = await claimEvents(db, { window: 8, emails: 100 })
    assert.deepEqual([events.length, inFlight, hasMore], [3, 8, true])
    await apply(db, 'claimed_0')
    assert.equal((await claimEvents(db, { window: 8, emails: 100 })).events.length, 1)
    await db.$executeRaw`UPDATE events SET applied_at = now() WHERE lease_until IS NOT NULL`
    const last = await claimEvents(db, { window: 100, emails: 100 })
    assert.deepEqual([last.events.length, last.inFlight, last.hasMore], [6, 6, false])
  })

  it('claims events with expired leases a few at a time, and reserves a quarter of the window for others', async () => {
    await store(db, ...numbered('stuck', 200))
    await db.$executeRaw`UPDATE events SET lease_until = now() - interval '1 second'`
    await insertEvents(db, numbered('evt', 100), () => false)
    const claimed = await claim({ window: 80, emails: 100 })
    assert.deepEqual([claimed.filter((id) => id.startsWith('stuck')).length, claimed.length], [10, 30])
  })

  it('doubles the lease with each attempt, up to sixteen minutes', async () => {
    await storeUnclaimed({ id: 'evt' })
    const minutes: number[] = []
    for (let attempt = 0; attempt < 7; attempt++) {
      await claim()
      minutes.push(Math.round((await leaseLeftMs(db, 'evt')) / 30_000) / 2)
      await db.$executeRaw`UPDATE events SET lease_until = now() - interval '1 second'`
    }
    assert.deepEqual(minutes, [0.5, 1, 2, 4, 8, 16, 16])
  })

  it('claims events with an impossibly long lease, after the clock was set back', async () => {
    await store(db, { id: 'stranded' }, { id: 'claimed' })
    await db.$executeRaw`UPDATE events SET lease_until = now() + interval '1 hour' WHERE event_id = 'stranded'`
    assert.deepEqual(await claim(), ['stranded'])
  })

  it('returns domain and priority of the email for the signal', async () => {
    const settledReceivedAt = new Date()
    await db.email.create({
      data: {
        id: 'em_1',
        provider: 'aisend',
        recipientDomain: 'registered.example',
        priority: 'bulk',
        settledReceivedAt,
      },
    })
    await storeUnclaimed({ id: 'a', emailId: 'em_1' }, { id: 'b', emailId: 'em_2' })
    await storeUnclaimed({ id: 'c', emailId: 'em_3', to: [], recipient: null })
    const claimed = (await claimEvents(db, wide)).events.map(({ event, recipientDomain, priority }) => [
      event.id,
      [recipientDomain, priority],
    ])
    assert.deepEqual(Object.fromEntries(claimed), {
      a: ['registered.example', 'bulk'],
      b: ['example.com', 'normal'],
      c: [null, 'normal'],
    })
  })

  it('by eight at once gives each of 300 events to one of them', async () => {
    await insertEvents(db, numbered('evt', 300), () => false)
    const claimed: string[] = []
    const claimAll = async () => {
      while ((await db.event.count({ where: { leaseUntil: null } })) > 0) {
        claimed.push(...(await claim({ window: 10_000, emails: 20 })))
      }
    }
    await Promise.all(Array.from({ length: 8 }, claimAll))
    assert.equal(claimed.length, 300)
    assert.equal(new Set(claimed).size, 300)
  })

  describe('that is released', () => {
    it('can be claimed by any instance at once; applied events are not changed', async () => {
      await store(db, { id: 'evt' }, { id: 'applied' })
      await apply(db, 'applied')
      await releaseEvents(db, ['evt', 'applied', 'unknown'].map(keyOf))
      const { leaseUntil, attempts } = await rowWith(db, 'evt')
      assert.deepEqual([leaseUntil, attempts], [null, 0])
      assert.notEqual((await rowWith(db, 'applied')).leaseUntil, null)
      assert.deepEqual(await claim(), ['evt'])
    })

    it('because its workflow is busy is deferred for the given time', async () => {
      await store(db, { id: 'evt' })
      await deferEvents(db, [keyOf('evt')], 5_000)
      assert.ok(Math.abs((await leaseLeftMs(db, 'evt')) - 5_000) < 2_000)
      assert.deepEqual(await claim(), [])
    })
  })

  describe('of an event that Temporal refuses', () => {
    it('is retried after twice the time, and quarantined at the tenth attempt with the last reason', async () => {
      await store(db, { id: 'bad', type: 'opened' }, { id: 'good' })
      const pauses: number[] = []
      for (let attempt = 1; attempt < attemptLimit; attempt += 1) {
        assert.deepEqual(await rejectEvents(db, [keyOf('bad')], `reason ${attempt}`), [])
        pauses.push(Math.round((await leaseLeftMs(db, 'bad')) / 1_000))
        const { attempts, quarantinedReason } = await rowWith(db, 'bad')
        assert.deepEqual([attempts, quarantinedReason], [attempt, null])
        await db.$executeRaw`UPDATE events SET lease_until = now() - interval '1 second' WHERE event_id = 'bad'`
        await claim()
      }
      for (const [index, pause] of pauses.entries()) assert.ok(Math.abs(pause - 2 ** (index + 1)) <= 1, `${pauses}`)
      const quarantined = await rejectEvents(db, [keyOf('bad')], 'too large')
      assert.deepEqual(quarantined, [{ provider: 'aisend', type: 'opened' }])
      assert.equal((await rowWith(db, 'bad')).quarantinedReason, 'too large')
      assert.deepEqual(await rejectEvents(db, [keyOf('bad')], 'again'), [], 'it is counted once')
      assert.equal((await rowWith(db, 'good')).quarantinedReason, null)
    })

    it('has no effect if the event is applied meanwhile', async () => {
      await store(db, { id: 'evt_1' })
      await db.$executeRaw`UPDATE events SET attempts = 50`
      await apply(db, 'evt_1')
      assert.deepEqual(await rejectEvents(db, [keyOf('evt_1')], 'late'), [])
    })
  })
})
