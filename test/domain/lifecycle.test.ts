import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { LifecycleEvent } from '../../src/domain/events.ts'
import {
  deliveryOf,
  deliveryTimeMsOf,
  emptySnapshot,
  foldEvents,
  isSettled,
  sentAtOf,
  statusOf,
} from '../../src/domain/lifecycle.ts'
import { eventSets, eventSetsOfOneRecipient } from './arbitrary-events.ts'

let nextId = 0
const event = (type: string, at: number, more: object = {}): LifecycleEvent =>
  ({ id: `evt_${nextId++}`, type, occurredAt: at, receivedAt: at, ...more }) as LifecycleEvent
const bounced = (bounceClass: 'hard' | 'soft', at: number) =>
  event('bounced', at, { bounce: { class: bounceClass, code: null } })
const fold = (...events: LifecycleEvent[]) => foldEvents(emptySnapshot, events)

describe('the lifecycle fold', () => {
  it('gives the same snapshot for every order of the same events', () => {
    const shuffled = eventSets.chain((events) =>
      fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length })),
    )
    fc.assert(
      fc.property(shuffled, ([events, other]) =>
        assert.deepEqual(foldEvents(emptySnapshot, other), foldEvents(emptySnapshot, events)),
      ),
      { numRuns: 2_000 },
    )
  })

  it('gives the same snapshot for every split into batches', () => {
    fc.assert(
      fc.property(eventSets, fc.array(fc.nat({ max: 12 }), { maxLength: 4 }), (events, cuts) => {
        const bounds = [0, ...cuts.map((cut) => Math.min(cut, events.length)).sort((a, b) => a - b), events.length]
        const batches = bounds.slice(1).map((end, index) => events.slice(bounds[index], end))
        assert.deepEqual(batches.reduce(foldEvents, emptySnapshot), foldEvents(emptySnapshot, events))
      }),
      { numRuns: 2_000 },
    )
  })

  it('returns the same snapshot for no events', () => {
    fc.assert(
      fc.property(eventSets, (events) => {
        const snapshot = foldEvents(emptySnapshot, events)
        assert.deepEqual(foldEvents(snapshot, []), snapshot)
      }),
    )
  })

  it('stays settled with every further event of the same recipient', () => {
    fc.assert(
      fc.property(eventSetsOfOneRecipient, eventSetsOfOneRecipient, (events, more) => {
        const before = foldEvents(emptySnapshot, events)
        if (isSettled(before)) assert.ok(isSettled(foldEvents(before, more)))
      }),
    )
  })
})

describe('the state of an email', () => {
  it('is queued without events', () => {
    assert.equal(statusOf(emptySnapshot), 'queued')
    assert.equal(statusOf(fold(event('unknown', 1))), 'queued')
  })

  it('stays delivered after a late sent', () => {
    const snapshot = fold(event('delivered', 20), event('sent', 30), event('queued', 10))
    assert.equal(statusOf(snapshot), 'delivered')
    assert.deepEqual([snapshot.queuedAt, snapshot.sentAt, snapshot.deliveredAt], [10, 30, 20])
  })

  it('keeps the earliest time of each fact', () => {
    assert.equal(fold(event('delivered', 30), event('delivered', 20), event('delivered', 40)).deliveredAt, 20)
  })

  it('shows a bounce after delivery', () => {
    const snapshot = fold(event('delivered', 1), bounced('hard', 2))
    assert.equal(statusOf(snapshot), 'bounced')
    assert.equal(snapshot.deliveredAt, 1)
  })

  it('is deferred after a soft bounce, until it is delivered', () => {
    assert.equal(statusOf(fold(event('sent', 1), bounced('soft', 2))), 'deferred')
    const delivered = fold(event('sent', 1), bounced('soft', 2), event('delivered', 3))
    assert.equal(statusOf(delivered), 'delivered')
    assert.equal(delivered.bounce?.class, 'soft')
  })

  it('prefers the hard bounce to an earlier soft one', () => {
    const snapshot = fold(bounced('soft', 1), bounced('hard', 2))
    assert.deepEqual([snapshot.bounce?.class, snapshot.bounce?.at], ['hard', 2])
  })

  it('is complained, whatever was opened', () => {
    assert.equal(statusOf(fold(event('complained', 1), event('opened', 2, { human: true }))), 'complained')
  })

  it('counts opens and clicks, in total and by persons', () => {
    const { opens, clicks } = fold(
      event('opened', 5, { human: true }),
      event('opened', 3, { human: false }),
      event('clicked', 9, { human: true }),
    )
    assert.deepEqual(opens, { total: 2, human: 1, firstAt: 3, lastAt: 5 })
    assert.deepEqual(clicks, { total: 1, human: 1, firstAt: 9, lastAt: 9 })
  })

  it('is settled by an action of a person, not of a machine', () => {
    assert.ok(isSettled(fold(event('clicked', 1, { human: true }))))
    assert.ok(!isSettled(fold(event('opened', 1, { human: false }))))
    assert.ok(!isSettled(fold(event('sent', 1), bounced('soft', 2))))
  })

  it('is sent when registered as sent, with the provider’s time if there is one', () => {
    const registered = event('registered', 5, { as: 'sent', priority: null })
    assert.equal(deliveryOf(fold(registered)), 'sent')
    assert.equal(sentAtOf(fold(registered)), 5)
    assert.equal(sentAtOf(fold(registered, event('sent', 8))), 8)
    assert.equal(deliveryOf(fold(event('registered', 5, { as: 'queued', priority: null }))), 'queued')
  })

  it('has the priority that was set last', () => {
    const first = event('registered', 1, { as: 'sent', priority: 'critical' })
    const later = event('registered', 2, { as: 'sent', priority: 'bulk' })
    const unset = event('registered', 3, { as: 'sent', priority: null })
    assert.equal(fold(later, unset, first).priority, 'bulk')
    assert.equal(fold(unset).priority, 'normal')
  })

  it('measures the delivery time from the earliest known time of sending', () => {
    assert.equal(deliveryTimeMsOf(fold(event('sent', 2_000), event('delivered', 5_500), event('queued', 1_000))), 4_500)
    assert.equal(deliveryTimeMsOf(fold(event('delivered', 5))), null)
    assert.equal(deliveryTimeMsOf(fold(event('sent', 9), event('delivered', 5))), 0)
  })
})
