import assert from 'node:assert/strict'
import { differencesOf } from '../../src/simulator/comparison.ts'
import type { ExpectedEmail, ExpectedRecipient } from '../../src/simulator/oracle.ts'

const at = Date.UTC(2026, 10, 24)
const time = new Date(at).toISOString()
const none = { total: 0, human: 0, firstAt: null, lastAt: null }

const recipient = (address: string, suppression: string | null): ExpectedRecipient => ({
  address,
  ...{
    status: 'sent',
    delivery: 'sent',
    failure: null,
    deliveredAt: null,
    complainedAt: null,
    opens: none,
    clicks: none,
  },
  suppression,
})

const expected: ExpectedEmail = {
  id: 'em_1',
  status: 'bounced',
  delivery: 'bounced',
  priority: 'critical',
  isRegistered: true,
  externalId: 'order-1',
  metadata: { customer: 'c-1' },
  registered: { to: ['Ada@example.com', 'b@example.com'], subject: 'Hi' },
  queuedAt: null,
  sendingAt: null,
  sentAt: 'registeredAt',
  deliveredAt: null,
  complainedAt: null,
  bounce: { class: 'hard', code: '5.1.1', message: 'no', at },
  failure: { reason: 'unknown_recipient', party: 'recipient', code: '5.1.1' },
  opens: none,
  clicks: none,
  recipients: [recipient('ada@example.com', 'hard_bounce'), recipient('b@example.com', null)],
  events: [{ type: 'bounced', at }],
  escalations: ['critical_bounce'],
  isSettled: true,
}

const answered = (address: string, suppressed: boolean) => ({
  address,
  ...{
    status: 'sent',
    delivery: 'sent',
    failure: null,
    deliveredAt: null,
    complainedAt: null,
    opens: none,
    clicks: none,
  },
  suppressed,
})

const actual = {
  status: 'bounced',
  delivery: 'bounced',
  priority: 'critical',
  externalId: 'order-1',
  metadata: { customer: 'c-1' },
  to: ['Ada@example.com', 'b@example.com'],
  subject: 'Hi',
  registeredAt: time,
  sentAt: time,
  queuedAt: null,
  sendingAt: null,
  deliveredAt: null,
  deliveryTimeMs: null,
  complainedAt: null,
  bounce: { class: 'hard', code: '5.1.1', message: 'no', at: time },
  failure: { reason: 'unknown_recipient', party: 'recipient', code: '5.1.1', isFinal: true },
  deliveredTo: { delivered: 0, recipients: 2 },
  opens: none,
  clicks: none,
  recipients: [answered('b@example.com', false), answered('ada@example.com', true)],
  events: [{ id: 'evt_1', type: 'bounced', occurredAt: time, appliedAt: time }],
  escalations: [{ reason: 'critical_bounce', state: 'open' }],
}

const withB = (change: object) => actual.recipients.map((one, index) => (index === 0 ? { ...one, ...change } : one))

const escalation = (reason: string, state = 'open') => ({ reason, state })

describe('the comparison of an email with its expected state', () => {
  it('finds no difference if there is none', () => {
    assert.deepEqual(differencesOf(expected, actual), [])
    const one = { ...expected, registered: { to: ['Ada@example.com'], subject: 'Hi' } }
    assert.deepEqual(differencesOf(one, { ...actual, to: 'Ada@example.com', more: 1 }), [])
  })

  for (const [field, change] of [
    ['status', { status: 'sent' }],
    ['delivery', { delivery: undefined }],
    ['priority', { priority: 'normal' }],
    ['queuedAt', { queuedAt: time }],
    ['sentAt', { sentAt: '2026-11-24T00:00:00.001Z' }],
    ['deliveryTimeMs', { deliveryTimeMs: 0 }],
    ['complainedAt', { complainedAt: time }],
    ['bounce', { bounce: null }],
    ['bounce.class', { bounce: { ...actual.bounce, class: 'soft' } }],
    ['bounce.code', { bounce: { ...actual.bounce, code: null } }],
    ['bounce.at', { bounce: { ...actual.bounce, at: null } }],
    ['failure.reason', { failure: { ...actual.failure, reason: 'unknown' } }],
    ['failure', { failure: null }],
    ['deliveredTo.delivered', { deliveredTo: { delivered: 1, recipients: 2 } }],
    ['opens.human', { opens: { ...none, human: 1 } }],
    ['clicks.total', { clicks: { ...none, total: 1 } }],
    ['to', { to: ['b@example.com'] }],
    ['subject', { subject: null }],
    ['registeredAt', { registeredAt: null, sentAt: null }],
    ['events', { events: [...actual.events, ...actual.events] }],
    ['events', { events: [...actual.events, { id: 'evt_2', appliedAt: time }] }],
    ['events', { events: [] }],
    ['events without appliedAt', { events: [{ ...actual.events[0], appliedAt: null }] }],
    ['escalations', { escalations: [] }],
    ['escalations', { escalations: [escalation('critical_bounce'), escalation('critical_bounce')] }],
    ['escalations', { escalations: [escalation('critical_bounce'), escalation('recipient_unclear')] }],
    ['open stalls', { escalations: [escalation('critical_bounce'), escalation('stalled')] }],
  ] as const) {
    it(`finds ${field} when the response has ${JSON.stringify(change)}`, () => {
      const fields = differencesOf(expected, { ...actual, ...change }).map((difference) => difference.field)
      assert.deepEqual(fields, [field])
    })
  }

  it('finds what differs for one recipient, and recipients that differ', () => {
    const fieldsFor = (recipients: object[]) =>
      differencesOf(expected, { ...actual, recipients }).map((difference) => difference.field)
    assert.deepEqual(fieldsFor(withB({ status: 'delivered' })), ['recipient b@example.com.status'])
    assert.deepEqual(fieldsFor(withB({ suppressed: true })), ['recipient b@example.com.suppressed'])
    assert.deepEqual(fieldsFor(withB({ opens: { ...none, total: 1 } })), ['recipient b@example.com.opens.total'])
    assert.deepEqual(fieldsFor([...actual.recipients, answered('c@example.com', false)]), ['recipients'])
    assert.deepEqual(fieldsFor(actual.recipients.slice(1)), ['recipients', 'recipient b@example.com'])
  })

  it('finds an unknown email', () => {
    assert.deepEqual(differencesOf(expected, null), [
      { emailId: 'em_1', field: 'email', expected: 'known', actual: 'unknown' },
    ])
  })

  it('ignores what depends on the configuration: resolved stalls, and events from the provider’s API', () => {
    const escalations = [...actual.escalations, escalation('stalled', 'resolved')]
    const events = [...actual.events, { id: 'reconcile:em_1:bounced', appliedAt: time }]
    assert.deepEqual(differencesOf(expected, { ...actual, escalations, events }), [])
    const unsettled = { ...expected, isSettled: false }
    assert.deepEqual(differencesOf(unsettled, { ...actual, escalations: [...escalations, escalation('stalled')] }), [])
  })
})
