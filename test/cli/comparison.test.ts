import assert from 'node:assert/strict'
import { differencesOf } from '../../src/cli/simulate/comparison.ts'
import type { ExpectedEmail } from '../../src/cli/simulate/oracle.ts'

const at = Date.UTC(2026, 10, 24)
const time = new Date(at).toISOString()
const none = { total: 0, human: 0, firstAt: null, lastAt: null }

const expected: ExpectedEmail = {
  id: 'em_1',
  status: 'bounced',
  delivery: 'bounced',
  priority: 'critical',
  isRegistered: true,
  registered: { to: ['Ada@example.com'], subject: 'Hi' },
  queuedAt: null,
  sendingAt: null,
  sentAt: 'registeredAt',
  deliveredAt: null,
  complainedAt: null,
  bounce: { class: 'hard', code: '5.1.1', message: 'no', at },
  opens: none,
  clicks: none,
  events: [{ type: 'bounced', at }],
  suppressed: [],
  notSuppressed: [],
  escalations: ['critical_bounce'],
  isSettled: true,
}

const answer = {
  status: 'bounced',
  delivery: 'bounced',
  priority: 'critical',
  to: 'Ada@example.com',
  subject: 'Hi',
  registeredAt: time,
  sentAt: time,
  queuedAt: null,
  sendingAt: null,
  deliveredAt: null,
  deliveryTimeMs: null,
  complainedAt: null,
  bounce: { class: 'hard', code: '5.1.1', message: 'no', at: time },
  opens: none,
  clicks: none,
  events: [{ id: 'evt_1', type: 'bounced', occurredAt: time, appliedAt: time }],
  escalations: [{ reason: 'critical_bounce', state: 'open' }],
}

const escalation = (reason: string, state = 'open') => ({ reason, state })

describe('the comparison of an email with what must be true', () => {
  it('finds nothing where all is as it must be', () => {
    assert.deepEqual(differencesOf(expected, answer), [])
    assert.deepEqual(differencesOf(expected, { ...answer, to: ['Ada@example.com'], more: 1 }), [])
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
    ['bounce.class', { bounce: { ...answer.bounce, class: 'soft' } }],
    ['bounce.code', { bounce: { ...answer.bounce, code: null } }],
    ['bounce.at', { bounce: { ...answer.bounce, at: null } }],
    ['opens.human', { opens: { ...none, human: 1 } }],
    ['clicks.total', { clicks: { ...none, total: 1 } }],
    ['to', { to: ['b@example.com'] }],
    ['subject', { subject: null }],
    ['registeredAt', { registeredAt: null, sentAt: null }],
    ['events', { events: [...answer.events, ...answer.events] }],
    ['events', { events: [...answer.events, { id: 'evt_2', appliedAt: time }] }],
    ['events', { events: [] }],
    ['events without appliedAt', { events: [{ ...answer.events[0], appliedAt: null }] }],
    ['escalations', { escalations: [] }],
    ['escalations', { escalations: [escalation('critical_bounce'), escalation('critical_bounce')] }],
    ['escalations', { escalations: [escalation('critical_bounce'), escalation('recipient_unclear')] }],
    ['open stalls', { escalations: [escalation('critical_bounce'), escalation('stalled')] }],
  ] as const) {
    it(`finds ${field} when the answer holds ${JSON.stringify(change)}`, () => {
      const fields = differencesOf(expected, { ...answer, ...change }).map((difference) => difference.field)
      assert.deepEqual(fields, [field])
    })
  }

  it('finds an email that the system does not know', () => {
    assert.deepEqual(differencesOf(expected, null), [
      { emailId: 'em_1', field: 'email', expected: 'known', actual: 'unknown' },
    ])
  })

  it('lets pass what depends on the configuration: a resolved stall, and what was learned by asking the provider', () => {
    const escalations = [...answer.escalations, escalation('stalled', 'resolved')]
    const events = [...answer.events, { id: 'reconcile:em_1:bounced', appliedAt: time }]
    assert.deepEqual(differencesOf(expected, { ...answer, escalations, events }), [])
    const unsettled = { ...expected, isSettled: false }
    assert.deepEqual(differencesOf(unsettled, { ...answer, escalations: [...escalations, escalation('stalled')] }), [])
  })
})
