import assert from 'node:assert/strict'
import { openEscalation } from '../../src/domain/escalation.ts'
import { useDatabase } from '../stack.ts'
import { useApi } from './served.ts'

const now = Date.UTC(2026, 0, 1)
const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  ...{ escalationRepeatAfterMs: 1, lingerAfterSettledMs: 1, giveUpAfterMs: 1 },
}

describe('an escalation says of its email', () => {
  const { db } = useDatabase('escalations, emails, events')
  const served = useApi(() => ({ db, clock: () => now }))

  const [ada, bob] = ['ada@example.com', 'bob@example.com']
  const bounce = {
    ...{ bounceClass: 'hard', bounceCode: '5.7.26', bounceEventId: 'evt_1', bouncedAt: new Date(now) },
    ...{ failureReason: 'authentication', failureParty: 'sender', failureOutcome: 'failed' },
  }
  const failure = {
    ...{ reason: 'authentication', party: 'sender', isFinal: true, code: '5.7.26' },
    ...{ evidence: '550 5.7.26 DMARC', rule: 'google.dmarc' },
  }

  beforeEach(async () => {
    await db.email.create({
      data: {
        ...{ id: 'em_esc_1', provider: 'aisend', to: [ada, bob], recipients: [ada, bob], subject: 'Your code' },
        ...{ status: 'failed', delivery: 'failed', ...bounce },
      },
    })
    const { bouncedAt, bounceEventId: eventId, ...columns } = bounce
    await db.event.create({
      data: {
        ...{ provider: 'aisend', eventId, emailId: 'em_esc_1', type: 'bounced', recipient: bob, ...columns },
        ...{ occurredAt: bouncedAt, receivedAt: bouncedAt, failureIsFinal: true, payload: {} },
        ...{ failureRule: failure.rule, failureEvidence: failure.evidence },
      },
    })
    const aboutBob = { emailId: 'em_esc_1', address: bob }
    await db.emailRecipient.updateMany({ where: aboutBob, data: { ...bounce, firstReceivedAt: bouncedAt } })
  })

  const emailOf = async (reason: string) => {
    const about = { provider: 'aisend', emailId: 'em_esc_1' }
    await db.escalation.create({
      data: { ...about, id: 'esc_1', reason, state: 'open', detail: 'It bounced', openedAt: new Date(now) },
    })
    const { data } = (await (await served.call('GET', '/v1/escalations')).json()) as { data: { email: unknown }[] }
    return data[0]?.email
  }
  const failed = { address: bob, status: 'failed', failure }
  const waiting = { address: ada, status: 'queued', failure: null }

  it('subject and status, and whom a bounce concerns, with the reason and evidence', async () => {
    const email = { subject: 'Your code', status: 'failed', failure, recipients: [failed] }
    assert.deepEqual(await emailOf('critical_bounce'), email)
    served.emailWorkflows.answer = async () => openEscalation('critical_bounce', 'It bounced', now, policy)
    const answer = (await (await served.call('POST', '/v1/escalations/esc_1/acknowledge')).json()) as { email: unknown }
    assert.deepEqual(answer.email, email)
  })

  it('for whom it is stalled, or all recipients where none is singled out', async () => {
    const recipientsOf = async (reason: string) => ((await emailOf(reason)) as { recipients: object[] }).recipients
    assert.deepEqual(await recipientsOf('stalled'), [waiting])
    await db.escalation.deleteMany()
    assert.deepEqual(await recipientsOf('recipient_unclear'), [waiting, failed])
  })

  it('nothing if it is not stored', async () => {
    await db.email.deleteMany()
    assert.equal(await emailOf('stalled'), null)
  })
})
