import assert from 'node:assert/strict'
import { addressRefusals, delays, emailRefusals } from '../../src/simulator/failures.ts'
import { deliveryTimeMsOf, type ExpectedEmail, expectedEmail } from '../../src/simulator/oracle.ts'
import { type PlannedEmail, type PlannedEvent, planEmails } from '../../src/simulator/plan.ts'
import { aisendForm } from './simulate-options.ts'

const startedAt = Date.UTC(2026, 10, 24)
const [sample] = planEmails({ emails: 1, rate: 1, seed: 1, speed: 1, run: 'r', ...aisendForm })
const registered = { as: 'sent', priority: null, postsAfterMs: [0], hasOwnIds: true } as const

let eventCount = 0
const event = (type: PlannedEvent['type'], occursAfterMs: number, facts: Partial<PlannedEvent> = {}): PlannedEvent => ({
  id: `evt_${++eventCount}`,
  type,
  occursAfterMs,
  postsAfterMs: [occursAfterMs],
  recipient: 'Ada@example.com',
  bounce: null,
  failure: null,
  engagement: null,
  ...facts,
})

const [[addressRefusal], [emailRefusal], [delay]] = [addressRefusals, emailRefusals, delays]
const open = (byMachine: boolean) => ({ engagement: { userAgent: '-', byMachine, url: null } })

function expected(events: PlannedEvent[], changes: Partial<PlannedEmail> = {}) {
  assert.ok(sample)
  return expectedEmail({ ...sample, to: ['Ada@example.com'], registration: registered, ...changes, events }, startedAt)
}

const suppressionsIn = (email: ExpectedEmail) =>
  email.recipients.map(({ address, suppression }) => [address, suppression])

const statesIn = (email: ExpectedEmail) => email.recipients.map(({ status, failure }) => [status, failure?.reason])

const several = { to: ['Ada@example.com', 'b@example.com'] }
const ofB = { recipient: 'b@example.com' }
const ofNobody = { recipient: null }

describe('the oracle', () => {
  it('expects times, delivery time, and counts of opens by people and machines', () => {
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
    assert.deepEqual(
      [email.queuedAt, email.sentAt, email.deliveredAt],
      [startedAt + 10, startedAt + 30, startedAt + 500],
    )
    assert.equal(deliveryTimeMsOf(email, null), 490)
    assert.deepEqual(email.opens, { total: 3, human: 2, firstAt: startedAt + 700, lastAt: startedAt + 900 })
    assert.deepEqual([suppressionsIn(email), email.escalations], [[['ada@example.com', null]], []])
    assert.ok(email.isSettled)
  })

  it('computes the delivery time from the registration if there is no earlier event', () => {
    const delivered = expected([event('delivered', 500)])
    assert.equal(deliveryTimeMsOf(delivered, startedAt + 200), 300)
    assert.equal(deliveryTimeMsOf(delivered, startedAt + 900), 0)
    const queued = expected([event('delivered', 500)], { registration: { ...registered, as: 'queued' } })
    assert.equal(deliveryTimeMsOf(queued, startedAt + 200), null)
  })

  it('expects a hard bounce to outrank an earlier soft one and a delivery, and to suppress the named recipient only', () => {
    const email = expected(
      [
        event('delivered', 100, { recipient: 'b@example.com' }),
        event('bounced', 200, delay),
        event('bounced', 300, addressRefusal),
      ],
      { to: ['Ada@example.com', 'b@example.com'] },
    )
    assert.equal(email.status, 'bounced')
    assert.equal(email.bounce?.at, startedAt + 300)
    assert.deepEqual(suppressionsIn(email), [
      ['ada@example.com', 'hard_bounce'],
      ['b@example.com', null],
    ])
    assert.deepEqual(statesIn(email), [
      ['bounced', 'unknown_recipient'],
      ['delivered', undefined],
    ])
  })

  it('expects the escalation recipient_unclear, and no suppression, when a final event names no recipient', () => {
    const email = expected([event('complained', 100, { recipient: null })], { to: ['a@example.com', 'b@example.com'] })
    assert.deepEqual([email.status, email.escalations], ['complained', ['recipient_unclear']])
    assert.deepEqual(suppressionsIn(email), [
      ['a@example.com', null],
      ['b@example.com', null],
    ])
  })

  it('expects an escalation of a critical email for a final failure or a complaint, and not for a delay', () => {
    const critical = { registration: { ...registered, priority: 'critical' as const } }
    const reasons = (events: PlannedEvent[]) => expected(events, critical).escalations
    assert.deepEqual(reasons([event('bounced', 1, addressRefusal)]), ['critical_bounce'])
    assert.deepEqual(reasons([event('bounced', 1, emailRefusal)]), ['critical_bounce'])
    assert.deepEqual(reasons([event('complained', 1)]), ['critical_complaint'])
    assert.deepEqual(reasons([event('bounced', 1, delay)]), [])
  })

  it('distinguishes emails registered as sent, registered as queued, and not registered', () => {
    const only = [event('queued', 1)]
    assert.deepEqual([expected(only).sentAt, expected(only).status], ['registeredAt', 'sent'])
    const queued = expected(only, { registration: { ...registered, as: 'queued' } })
    assert.deepEqual([queued.sentAt, queued.status], [null, 'queued'])
    const never = expected(only, { registration: null })
    assert.deepEqual([never.status, never.isRegistered, never.priority], ['queued', false, 'normal'])
  })

  it('expects an email with delays only to be deferred and unsettled, with the earliest bounce', () => {
    const email = expected([2, 1].map((at) => event('bounced', at, delay)))
    assert.equal(email.bounce?.at, startedAt + 1)
    assert.deepEqual([email.status, email.delivery, email.isSettled], ['deferred', 'deferred', false])
  })

  it('expects a refusal that is not the recipient’s fault to fail the email, and to suppress nobody', () => {
    const email = expected([event('delivered', 1), event('bounced', 2, emailRefusal)])
    assert.deepEqual([email.status, email.failure?.reason, email.isSettled], ['failed', 'authentication', true])
    assert.deepEqual(suppressionsIn(email), [['ada@example.com', null]])
    const worse = expected([event('bounced', 1, emailRefusal), event('bounced', 2, addressRefusal)])
    assert.deepEqual([worse.status, worse.bounce?.at], ['bounced', startedAt + 2])
  })

  it('expects an email that reached some of its recipients to be partly delivered, and unsettled until it is for each', () => {
    const partly = [event('sent', 1, ofNobody), event('delivered', 2)]
    const email = expected(partly, several)
    assert.deepEqual([email.status, email.isSettled], ['partly_delivered', false])
    assert.deepEqual(statesIn(email), [
      ['delivered', undefined],
      ['sent', undefined],
    ])
    const whole = expected([...partly, event('delivered', 3, ofB)], several)
    assert.deepEqual([whole.status, whole.isSettled], ['delivered', true])
    const failed = expected([...partly, event('bounced', 3, { ...ofB, ...emailRefusal })], several)
    assert.deepEqual([failed.status, failed.isSettled], ['failed', true])
  })

  it('expects an event that names none of several recipients to count for the email alone', () => {
    const registration = { ...registered, as: 'queued' as const }
    const events = [
      event('sending', 1, ofNobody),
      event('delivered', 2, ofNobody),
      event('opened', 3, { ...ofNobody, ...open(false) }),
    ]
    const email = expected(events, { ...several, registration })
    assert.deepEqual(
      [email.status, email.delivery, email.opens.total, email.isSettled],
      ['opened', 'delivered', 1, true],
    )
    assert.deepEqual(statesIn(email), [
      ['sending', undefined],
      ['sending', undefined],
    ])
    assert.deepEqual(
      email.recipients.map(({ opens }) => opens.total),
      [0, 0],
    )
  })

  it('expects opens and complaints of the recipient whom they name', () => {
    const email = expected([event('opened', 1, { ...ofB, ...open(false) }), event('complained', 2)], several)
    assert.deepEqual(statesIn(email), [
      ['complained', undefined],
      ['opened', undefined],
    ])
    assert.deepEqual(suppressionsIn(email)[0], ['ada@example.com', 'complaint'])
    assert.equal(email.isSettled, true)
  })
})
