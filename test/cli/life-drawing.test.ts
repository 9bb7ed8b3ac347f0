import assert from 'node:assert/strict'
import { drawLife } from '../../src/cli/life-drawing.ts'
import type { Email, EmailEvent } from '../../src/client/index.ts'

const at = (time: string) => `2026-11-25T${time}Z`
const none = { total: 0, human: 0, firstAt: null, lastAt: null }

const event = (type: string, occurredAt: string, more: Partial<EmailEvent> = {}): EmailEvent => ({
  id: type,
  type,
  occurredAt: at(occurredAt),
  receivedAt: at(occurredAt),
  appliedAt: at(occurredAt),
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
  deliveryTimeMs: 2_500,
  registeredAt: at('08:00:00.000'),
  events: [
    event('opened', '08:01:00.000', { receivedAt: at('08:05:00.000') }),
    event('delivered', '08:00:02.500', { appliedAt: null }),
  ],
  escalations: [],
} as unknown as Email

describe('the life of an email as text', () => {
  it('tells where it stands, the facts, and what happened in order, late and unapplied news marked', () => {
    assert.equal(
      drawLife(email),
      `em_1  OPENED (delivered)
  To        ada@example.com
  Subject   Your invitation
  Sent      critical, by aisend, invitation
  Delivered within 2.5s
  Opens     2, 1 likely by people
  Workflow  email/aisend/em_1

  2026-11-25 08:00:00.000           ├─ registered  (by the application)
  2026-11-25 08:00:02.500    +2.5s  ├─ delivered  (waits to be applied)
  2026-11-25 08:01:00.000      +1m  └─ opened  (heard 4m later)`,
    )
  })

  it('shows a bounce with its words, what was put aside, and who takes care of an escalation', () => {
    const escalation = { id: 'esc_1', reason: 'critical_bounce', state: 'acknowledged', detail: 'It bounced.' }
    const text = drawLife({
      ...email,
      to: null,
      bounce: { class: 'hard', code: '5.1.1', message: 'no such user', at: at('08:00:03.000') },
      events: [event('bounced', '08:00:03.000', { appliedAt: null, quarantinedReason: 'too old' })],
      escalations: [{ ...escalation, openedAt: at('08:00:04.000'), acknowledgedBy: 'grace', resolvedBy: null }],
    } as unknown as Email)
    assert.match(text, /To +nobody named yet\n/)
    assert.match(text, /Bounce +hard, 5\.1\.1, no such user\n/)
    assert.match(text, /bounced {2}\(too old\)\n/)
    assert.match(
      text,
      /└─ ! critical_bounce\n\n {2}ACKNOWLEDGED {2}critical_bounce \(grace\): It bounced\. {2}\[esc_1\]$/,
    )
  })

  it('draws an email of which only its ID is known', () => {
    assert.match(drawLife({ ...email, registeredAt: null, events: [] }), /Workflow.*\n$/)
  })
})
