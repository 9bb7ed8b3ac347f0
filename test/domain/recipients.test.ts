import assert from 'node:assert/strict'
import fc from 'fast-check'
import { stallDetail } from '../../src/domain/escalation.ts'
import type { LifecycleEvent } from '../../src/domain/events.ts'
import type { FailureOutcome } from '../../src/domain/failure.ts'
import {
  changedRecipients,
  deliveredCountOf,
  deliveryOf,
  emptySnapshot,
  foldEvents,
  isSettled,
  recipientStateOf,
  statusOf,
} from '../../src/domain/lifecycle.ts'
import { type LifecyclePolicy, stallDeadline } from '../../src/domain/stall-policy.ts'
import { eventSets } from './arbitrary-events.ts'

let nextId = 0
const event = (type: string, at: number, more: object = {}): LifecycleEvent =>
  ({ id: `evt_${nextId++}`, type, occurredAt: at, receivedAt: at, ...more }) as LifecycleEvent
const failed = (outcome: FailureOutcome, at: number, more: object = {}) =>
  event('bounced', at, {
    bounce: { class: 'hard', code: null, failure: { reason: 'unknown', party: 'unknown', outcome } },
    ...more,
  })
const toThree = event('registered', 1, { as: 'sent', priority: null, to: ['ada', 'bob', 'eve'] })
const of = (recipient: string) => ({ recipient })
const fold = (...events: LifecycleEvent[]) => foldEvents(emptySnapshot, events)
const policy: LifecyclePolicy = {
  stallAfterMs: { critical: 10, normal: 100, bulk: 1_000 },
  escalationRepeatAfterMs: 50,
  lingerAfterSettledMs: 500,
  giveUpAfterMs: 10_000,
}

describe('an email to several recipients', () => {
  it('is delivered when every recipient has it, and partly before', () => {
    const two = fold(toThree, event('delivered', 2, of('ada')), event('delivered', 3, of('bob')))
    assert.deepEqual([statusOf(two), deliveryOf(two), isSettled(two)], ['partly_delivered', 'partly_delivered', false])
    assert.deepEqual(deliveredCountOf(two), { delivered: 2, recipients: 3 })
    assert.equal(stallDetail('Silence.', two), 'Silence. It was delivered to 2 of 3 recipients.')
    const all = foldEvents(two, [event('delivered', 9, of('eve'))])
    assert.deepEqual([statusOf(all), isSettled(all), all.settledReceivedAt], ['delivered', true, 9])
  })

  it('has the worst failure of a recipient as its status, and each recipient its own', () => {
    const snapshot = fold(toThree, event('delivered', 2, of('ada')), failed('failed', 3, of('bob')))
    assert.deepEqual([statusOf(snapshot), isSettled(snapshot)], ['failed', false])
    const bounced = foldEvents(snapshot, [failed('bounced', 4, of('eve'))])
    assert.deepEqual([statusOf(bounced), isSettled(bounced)], ['bounced', true])
    const states = ['ada', 'bob', 'eve'].map((key) => recipientStateOf(bounced, key).status)
    assert.deepEqual(states, ['delivered', 'failed', 'bounced'])
  })

  it('counts opens of a recipient for it alone', () => {
    const snapshot = fold(toThree, event('opened', 2, { ...of('bob'), human: true }))
    const opens = ['ada', 'bob'].map((key) => recipientStateOf(snapshot, key).facts.opens.total)
    assert.deepEqual([opens, snapshot.opens.total], [[0, 1], 1])
    assert.equal(recipientStateOf(snapshot, 'ada').status, 'sent')
  })

  it('is settled by an event that names no recipient, which says of each only how far it has come', () => {
    const snapshot = fold(toThree, event('sent', 2), event('delivered', 3))
    assert.deepEqual([statusOf(snapshot), isSettled(snapshot)], ['delivered', true])
    assert.deepEqual([recipientStateOf(snapshot, 'ada').delivery, deliveredCountOf(snapshot).delivered], ['sent', 0])
  })

  it('stalls while one recipient is silent, counted from when that one is known', () => {
    const heard = fold(toThree, event('delivered', 2, of('ada')), event('delivered', 3, of('bob')))
    assert.equal(stallDeadline(heard, policy), 101)
    const later = foldEvents(heard, [event('delivered', 4, of('eve')), event('sent', 70, of('joe'))])
    assert.equal(stallDeadline(later, policy), 170)
    assert.equal(stallDeadline(foldEvents(later, [failed('failed', 80, of('joe'))]), policy), null)
  })
})

describe('an email with one recipient', () => {
  it('takes events that name nobody for the recipient', () => {
    const snapshot = fold(event('sent', 1, of('ada')), event('delivered', 2))
    assert.equal(recipientStateOf(snapshot, 'ada').status, 'delivered')
    assert.deepEqual(changedRecipients(fold(event('sent', 1, of('ada'))), snapshot), ['ada', ''])
  })

  it('is failed by a final failure that is not the recipient’s fault, and settled', () => {
    const snapshot = fold(event('sent', 1, of('ada')), failed('deferred', 2, of('ada')), failed('failed', 3, of('ada')))
    assert.deepEqual([statusOf(snapshot), isSettled(snapshot)], ['failed', true])
  })

  it('is settled by an automatic reply or an unsubscribe, which are no failures', () => {
    for (const proof of [failed('none', 2, of('ada')), event('unsubscribed', 2, of('ada'))]) {
      const snapshot = fold(event('sent', 1, of('ada')), proof)
      assert.deepEqual([statusOf(snapshot), isSettled(snapshot), snapshot.bounce], ['sent', true, null])
    }
  })

  it('stalls from the time for which it is scheduled, or from when it was sent before', () => {
    const scheduled = fold(event('queued', 1, { ...of('ada'), scheduledFor: 5_000 }))
    assert.equal(stallDeadline(scheduled, policy), 5_100)
    assert.equal(stallDeadline(foldEvents(scheduled, [event('sent', 300, of('ada'))]), policy), 400)
  })

  it('starts no clock by an event without a meaning', () => {
    assert.equal(stallDeadline(fold(event('unknown', 1, { isNoted: true })), policy), null)
    assert.equal(stallDeadline(fold(event('unknown', 1)), policy), 101)
  })
})

describe('the facts of recipients', () => {
  it('add up to those of the email', () => {
    fc.assert(
      fc.property(eventSets, (events) => {
        const snapshot = foldEvents(emptySnapshot, events)
        const parts = Object.values(snapshot.recipients ?? {})
        const sum = (read: (part: (typeof parts)[number]) => number) =>
          parts.reduce((total, part) => total + read(part), 0)
        assert.equal(
          sum(({ opens }) => opens.total),
          snapshot.opens.total,
        )
        assert.equal(
          sum(({ clicks }) => clicks.human),
          snapshot.clicks.human,
        )
        const delivered = parts.map(({ deliveredAt }) => deliveredAt).filter((at) => at !== null)
        assert.equal(snapshot.deliveredAt, delivered.length === 0 ? null : Math.min(...delivered))
      }),
    )
  })
})
