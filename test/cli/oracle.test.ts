import assert from 'node:assert/strict'
import { deliveryTimeMsOf, expectedOf } from '../../src/cli/simulate/oracle.ts'
import { type PlannedEmail, type PlannedEvent, planEmails } from '../../src/cli/simulate/plan.ts'
import { plainly } from './simulate-options.ts'

const beganAt = Date.UTC(2026, 10, 24)
const [sample] = planEmails({ emails: 1, rate: 1, seed: 1, speed: 1, run: 'r', ...plainly })
const registered = { as: 'sent', priority: null, postsAfterMs: [0] } as const

let eventCount = 0
const event = (type: PlannedEvent['type'], occursAfterMs: number, facts: Partial<PlannedEvent> = {}): PlannedEvent => ({
  id: `evt_${++eventCount}`,
  type,
  occursAfterMs,
  postsAfterMs: [occursAfterMs],
  recipient: 'Ada@example.com',
  bounce: null,
  engagement: null,
  ...facts,
})

const bounce = (bounceClass: 'hard' | 'soft') => ({ class: bounceClass, code: '5.0.0', message: 'no' })
const open = (byMachine: boolean) => ({ engagement: { userAgent: '-', byMachine, url: null } })

function expected(events: PlannedEvent[], changes: Partial<PlannedEmail> = {}) {
  assert.ok(sample)
  return expectedOf({ ...sample, to: ['Ada@example.com'], registration: registered, ...changes, events }, beganAt)
}

describe('the oracle', () => {
  it('expects a delivered email with its times, counts of people and machines, and the time it took', () => {
    const email = expected([
      event('queued', 10),
      event('sent', 30),
      event('delivered', 500),
      event('opened', 900, open(false)),
      event('opened', 700, open(true)),
      event('opened', 800, open(false)),
    ])
    assert.equal(email.status, 'opened')
    assert.equal(email.delivery, 'delivered')
    assert.deepEqual([email.queuedAt, email.sentAt, email.deliveredAt], [beganAt + 10, beganAt + 30, beganAt + 500])
    assert.equal(deliveryTimeMsOf(email, null), 490)
    assert.deepEqual(email.opens, { total: 3, human: 2, firstAt: beganAt + 700, lastAt: beganAt + 900 })
    assert.deepEqual([email.suppressed, email.notSuppressed, email.escalations], [[], ['ada@example.com'], []])
    assert.ok(email.isSettled)
  })

  it('counts the time to delivery from the registration where the provider tells of nothing before', () => {
    const delivered = expected([event('delivered', 500)])
    assert.equal(deliveryTimeMsOf(delivered, beganAt + 200), 300)
    assert.equal(deliveryTimeMsOf(delivered, beganAt + 900), 0)
    const queued = expected([event('delivered', 500)], { registration: { ...registered, as: 'queued' } })
    assert.equal(deliveryTimeMsOf(queued, beganAt + 200), null)
  })

  it('lets a hard bounce outrank an earlier soft one and a delivery, and suppress the named recipient only', () => {
    const email = expected(
      [
        event('delivered', 100, { recipient: 'b@example.com' }),
        event('bounced', 200, { bounce: bounce('soft') }),
        event('bounced', 300, { bounce: bounce('hard') }),
      ],
      { to: ['Ada@example.com', 'b@example.com'] },
    )
    assert.equal(email.status, 'bounced')
    assert.deepEqual(email.bounce, { ...bounce('hard'), at: beganAt + 300 })
    assert.deepEqual(email.suppressed, [{ address: 'ada@example.com', reason: 'hard_bounce' }])
    assert.deepEqual(email.notSuppressed, ['b@example.com'])
  })

  it('expects the question which recipient, and nobody suppressed, when a final event names none', () => {
    const email = expected([event('complained', 100, { recipient: null })], { to: ['a@example.com', 'b@example.com'] })
    assert.deepEqual([email.status, email.escalations, email.suppressed], ['complained', ['recipient_unclear'], []])
    assert.equal(email.notSuppressed.length, 2)
  })

  it('expects a critical email to escalate when it bounces for good or is complained about, and not for a soft bounce', () => {
    const critical = { registration: { ...registered, priority: 'critical' as const } }
    const reasons = (events: PlannedEvent[]) => expected(events, critical).escalations
    assert.deepEqual(reasons([event('bounced', 1, { bounce: bounce('hard') })]), ['critical_bounce'])
    assert.deepEqual(reasons([event('complained', 1)]), ['critical_complaint'])
    assert.deepEqual(reasons([event('bounced', 1, { bounce: bounce('soft') })]), [])
  })

  it('tells registered as sent, registered as queued, and never registered apart', () => {
    const only = [event('queued', 1)]
    assert.deepEqual([expected(only).sentAt, expected(only).status], ['registeredAt', 'sent'])
    const queued = expected(only, { registration: { ...registered, as: 'queued' } })
    assert.deepEqual([queued.sentAt, queued.status], [null, 'queued'])
    const never = expected(only, { registration: null })
    assert.deepEqual([never.status, never.isRegistered, never.priority], ['queued', false, 'normal'])
  })

  it('expects soft bounces alone to defer, unsettled, the earliest counting', () => {
    const email = expected([2, 1].map((at) => event('bounced', at, { bounce: bounce('soft') })))
    assert.equal(email.bounce?.at, beganAt + 1)
    assert.deepEqual([email.status, email.delivery, email.isSettled], ['deferred', 'deferred', false])
  })
})
