import assert from 'node:assert/strict'
import type { EscalatedEmail } from '../../src/api/escalated-emails.ts'
import { type EscalationWithEmail, groupByCause } from '../../src/dashboard/escalation-causes.ts'
import type { Escalation } from '../../src/db/generated/client.ts'
import type { FailureReason } from '../../src/domain/failure.ts'
import { incidentKeyOf } from '../../src/domain/incident.ts'

const escalation = (id: string, reason: string, more: Partial<Escalation> = {}): Escalation => ({
  ...{ id, provider: 'aisend', emailId: `em_${id}`, reason, state: 'open', detail: '', openedAt: new Date(0) },
  ...{ acknowledgedAt: null, acknowledgedBy: null, snoozedUntil: null, resolvedAt: null, resolvedBy: null },
  ...{ notices: 1, nextNoticeAt: null, version: 1, noticedAt: null },
  ...more,
})

const emailTo = (addresses: string[], reason: FailureReason | null): EscalatedEmail => {
  const failure = reason && {
    ...{ reason, party: 'sender' as const, isFinal: true },
    ...{ code: null, evidence: null, rule: null },
  }
  return {
    ...{ subject: null, status: 'failed', failure },
    recipients: addresses.map((address) => ({ address, status: 'failed', failure })),
  }
}

const bounced = (id: string, to: string | string[], reason: FailureReason | null = 'authentication') => ({
  escalation: escalation(id, 'critical_bounce'),
  email: emailTo([to].flat(), reason),
})

const incident = (id: string, reason: string, scope: string) => ({
  escalation: escalation(id, reason, incidentKeyOf(scope, id)),
  email: null,
})

const groupsOf = (members: EscalationWithEmail[], mailboxProviders: [string, string][] = []) =>
  groupByCause(members, new Map(mailboxProviders)).map((group) => [
    group.receiver,
    group.members.map((member) => member.escalation.id).join(' '),
  ])

describe('escalations of one cause', () => {
  it('are those of one reason of failure at one mailbox provider, in place of the first', () => {
    const members = [
      bounced('a', 'ada@gmail.com'),
      bounced('b', 'bob@example.com'),
      bounced('c', 'cyd@googlemail.com'),
      bounced('d', 'dan@gmail.com', 'spam_content'),
      bounced('e', 'eve@company.example'),
    ]
    assert.deepEqual(groupsOf(members, [['company.example', 'gmail']]), [
      ['Gmail', 'a c e'],
      ['example.com', 'b'],
      ['Gmail', 'd'],
    ])
  })

  it('are the incidents of the system, and those of one reason and scope', () => {
    const members = [
      incident('a', 'backlog', 'system'),
      incident('b', 'bounce_rate', 'tag:receipt'),
      incident('c', 'temporal_refused', 'system'),
      incident('d', 'bounce_rate', 'tag:news'),
      incident('e', 'bounce_rate', 'tag:receipt'),
    ]
    assert.deepEqual(
      groupsOf(members).map(([, ids]) => ids),
      ['a c', 'b e', 'd'],
    )
  })

  it('are an incident of refusals, first, and the critical emails that were refused for the same reason', () => {
    const members = [
      bounced('a', 'ada@gmail.com'),
      bounced('b', 'bob@gmail.com'),
      incident('c', 'sender_refused', 'authentication/gmail'),
      incident('d', 'sender_refused', 'spam_content/gmail'),
    ]
    assert.deepEqual(groupsOf(members), [
      ['Gmail', 'c a b'],
      [null, 'd'],
    ])
  })

  it('are never resolved ones, nor those whose email is to several receivers or is not stored', () => {
    const [one, other] = [bounced('a', 'ada@gmail.com'), bounced('b', 'bob@gmail.com')]
    const members = [
      { ...one, escalation: { ...one.escalation, state: 'resolved' } },
      { ...other, escalation: { ...other.escalation, state: 'resolved' } },
      bounced('c', ['cyd@gmail.com', 'dan@example.com']),
      bounced('d', ['cyd@gmail.com', 'dan@example.com']),
      { ...bounced('e', 'eve@gmail.com'), email: null },
      bounced('f', 'erased'),
      bounced('g', 'erased'),
    ]
    assert.deepEqual(
      groupsOf(members).map(([, ids]) => ids),
      ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
    )
  })
})
