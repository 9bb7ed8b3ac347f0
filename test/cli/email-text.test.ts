import assert from 'node:assert/strict'
import { formatEmail } from '../../src/cli/email-text.ts'
import type { Email, EmailEvent } from '../../src/client/index.ts'

const at = (time: string) => `2026-11-25T${time}Z`
const none = { total: 0, human: 0, firstAt: null, lastAt: null }

const event = (type: string, occurredAt: string, more: Partial<EmailEvent> = {}): EmailEvent => ({
  id: type,
  type,
  occurredAt: at(occurredAt),
  receivedAt: at(occurredAt),
  appliedAt: at(occurredAt),
  recipient: null,
  ...more,
})

const email = {
  id: 'em_1',
  provider: 'aisend',
  workflowId: 'email/aisend/em_1',
  to: 'ada@example.com',
  subject: 'Your invitation',
  priority: 'critical',
  tags: ['invitation'],
  status: 'opened',
  delivery: 'delivered',
  opens: { ...none, total: 2, human: 1 },
  clicks: none,
  bounce: null,
  failure: null,
  recipients: [],
  deliveredTo: null,
  deliveryTimeMs: 2_500,
  registeredAt: at('08:00:00.000'),
  events: [
    event('opened', '08:01:00.000', { receivedAt: at('08:05:00.000') }),
    event('delivered', '08:00:02.500', { appliedAt: null }),
  ],
  escalations: [],
} as unknown as Email

describe('an email as text', () => {
  it('has the status, the facts, and a timeline in which late and pending events are marked', () => {
    assert.equal(
      formatEmail(email),
      `em_1  OPENED (delivered)
  To        ada@example.com
  Subject   Your invitation
  Sent      critical, by aisend, invitation
  Delivered within 2.5s
  Opens     2, 1 likely by people
  Workflow  email/aisend/em_1

  2026-11-25 08:00:00.000           ├─ registered  (by the application)
  2026-11-25 08:00:02.500    +2.5s  ├─ delivered  (pending)
  2026-11-25 08:01:00.000      +1m  └─ opened  (received 4m later)`,
    )
  })

  it('has a bounce with its message, the reason of a quarantined event, and who acknowledged an escalation', () => {
    const escalation = { id: 'esc_1', reason: 'critical_bounce', state: 'acknowledged', detail: 'It bounced.' }
    const text = formatEmail({
      ...email,
      to: null,
      bounce: { class: 'hard', code: '5.1.1', message: 'no such user', at: at('08:00:03.000') },
      events: [event('bounced', '08:00:03.000', { appliedAt: null, quarantinedReason: 'too old' })],
      escalations: [{ ...escalation, openedAt: at('08:00:04.000'), acknowledgedBy: 'grace', resolvedBy: null }],
    } as unknown as Email)
    assert.match(text, /To +no recipient yet\n/)
    assert.match(text, /Bounce +hard, 5\.1\.1, no such user\n/)
    assert.match(text, /bounced {2}\(too old\)\n/)
    assert.match(
      text,
      /└─ ! critical_bounce\n\n {2}ACKNOWLEDGED {2}critical_bounce \(grace\): It bounced\. {2}\[esc_1\]$/,
    )
  })

  it('has why it failed, who must act, and what became of it for each of several recipients', () => {
    const failure = {
      reason: 'authentication',
      party: 'sender',
      isFinal: true,
      code: '5.7.26',
      evidence: null,
      rule: 'r',
    }
    const text = formatEmail({
      ...email,
      failure,
      deliveredTo: { delivered: 1, recipients: 2 },
      recipients: [
        { address: 'ada@example.com', status: 'opened', failure: null, suppressed: false },
        { address: 'bob@example.com', status: 'failed', failure, suppressed: true },
      ],
    } as unknown as Email)
    assert.match(text, /^em_1 {2}OPENED \(delivered\), delivered to 1 of 2\n/)
    assert.match(text, /Why +authentication; who must act: you, the sender \[r\]\n/)
    assert.match(text, /Each +ada@example\.com: opened\n +bob@example\.com: failed; authentication; .*; suppressed\n/)
  })

  it('can be an email without events', () => {
    assert.match(formatEmail({ ...email, registeredAt: null, events: [] }), /Workflow.*\n$/)
  })
})
