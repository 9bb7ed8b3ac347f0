import assert from 'node:assert/strict'
import type { Prisma } from '../../src/db/generated/client.ts'
import { commandEscalation, openEscalation } from '../../src/domain/escalation.ts'
import { incidentKeyOf } from '../../src/domain/incident.ts'
import { CommandRefusedError } from '../../src/temporal/email-workflows.ts'
import { useDatabase } from '../stack.ts'
import { useDashboard } from './visitor.ts'

const at = (minute: number) => new Date(Date.UTC(2026, 10, 1, 12, minute))
const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  ...{ escalationRepeatAfterMs: 1, lingerAfterSettledMs: 1, giveUpAfterMs: 1 },
}
const [ada, bob] = ['ada@gmail.com', 'bob@example.com']

describe('the pages of the dashboard, of recipients and failures,', () => {
  const { db } = useDatabase('emails, events, suppressions, escalations')
  const { visited, visitor } = useDashboard(() => ({ db }))

  const dmarc = {
    ...{ bounceClass: 'hard', bounceCode: '5.7.26', failureOutcome: 'failed' },
    ...{ failureReason: 'authentication', failureParty: 'sender' },
  }
  const addEmail = (id: string, recipients: string[], more: Partial<Prisma.EmailCreateInput> = {}) =>
    db.email.create({
      data: {
        id,
        provider: 'aisend',
        to: recipients,
        recipients,
        subject: `Subject of ${id}`,
        firstReceivedAt: at(1),
        ...more,
      },
    })
  const addBounce = (emailId: string, recipient: string | null) =>
    db.event.create({
      data: {
        ...{ provider: 'aisend', eventId: `evt_${emailId}`, emailId, type: 'bounced', recipient, ...dmarc },
        ...{ occurredAt: at(2), receivedAt: at(2), appliedAt: at(2), payload: {}, failureIsFinal: true },
        ...{ failureRule: 'google.dmarc', failureEvidence: '550 5.7.26 DMARC policy of example.com' },
      },
    })
  const failed = (id: string) => ({
    ...{ status: 'failed', delivery: 'failed', ...dmarc },
    ...{ bouncedAt: at(2), bounceEventId: `evt_${id}` },
  })
  const escalate = (id: string, more: Partial<Prisma.EscalationCreateInput> = {}) =>
    db.escalation.create({
      data: {
        ...{
          id: `esc_${id}`,
          provider: 'aisend',
          emailId: id,
          reason: 'critical_bounce',
          state: 'open',
          detail: 'It failed.',
        },
        ...{ openedAt: at(3), ...more },
      },
    })

  it('explain the failure of an email: reason, who must act, evidence and rule', async () => {
    await addEmail('em_1', [ada], failed('em_1'))
    await addBounce('em_1', null)
    const html = await visitor.html('/emails/aisend/em_1')
    for (const text of ['Why it failed', 'Authentication failed', 'You, the sender', 'google.dmarc']) {
      assert.ok(html.includes(text), text)
    }
    assert.match(html, /550 5\.7\.26 DMARC policy of example\.com/)
    assert.match(html, /href="\/domains\/example\.com"/)
    assert.doesNotMatch(html, /id="recipients"/)
  })

  it('have a row for each of several recipients, and say which events name none', async () => {
    await addEmail('em_1', [ada, bob], failed('em_1'))
    await addBounce('em_1', ada)
    const sent = { eventId: 'evt_sent', type: 'sent', occurredAt: at(1), receivedAt: at(1), appliedAt: at(1) }
    await db.event.create({ data: { provider: 'aisend', emailId: 'em_1', payload: {}, ...sent } })
    const facts = (data: Prisma.EmailRecipientUpdateManyMutationInput) => ({ firstReceivedAt: at(2), ...data })
    const { bounceClass, bounceCode, failureReason, failureParty, failureOutcome } = dmarc
    const bounce = { bounceClass, bounceCode, failureReason, failureParty, failureOutcome }
    await db.emailRecipient.updateMany({
      where: { emailId: 'em_1', address: ada },
      data: facts({ ...bounce, bouncedAt: at(2), bounceEventId: 'evt_em_1' }),
    })
    await db.emailRecipient.updateMany({ where: { address: bob }, data: facts({ deliveredAt: at(2), opensTotal: 7 }) })
    await db.suppression.create({ data: { address: bob, reason: 'manual' } })
    const html = await visitor.html('/emails/aisend/em_1')
    const [rowOfAda = '', rowOfBob = ''] = (html.split('id="recipients"')[1] ?? '').split('<tr>').slice(2)
    assert.match(html, /delivered to 1 of 2/)
    assert.match(rowOfAda, /Failed[\s\S]*ada[\s\S]*Authentication failed[\s\S]*you, the sender[\s\S]*DMARC policy/)
    assert.match(rowOfBob, /Opened[\s\S]*bob[\s\S]*suppressed[\s\S]*7/)
    assert.match(html, /Names no recipient: applies to the email/)
  })

  it('list emails with the reason of their failure, and to how many they were delivered; and by reason', async () => {
    await addEmail('em_1', [ada, bob], { status: 'partly_delivered', delivery: 'partly_delivered' })
    await db.emailRecipient.updateMany({ where: { address: bob }, data: { delivery: 'delivered' } })
    await addEmail('em_2', [ada], failed('em_2'))
    for (const path of ['/emails', '/']) {
      const html = await visitor.html(path)
      assert.match(html, /Delivered to 1 of 2/, path)
      assert.match(html, /Authentication failed/, path)
    }
    const filtered = await visitor.html('/emails?reason=authentication')
    assert.deepEqual([filtered.includes('Subject of em_2'), filtered.includes('Subject of em_1')], [true, false])
    assert.match(filtered, /Any reason/)
  })

  it('show whom an escalation concerns, the subject, the reason and the evidence', async () => {
    await addEmail('em_1', [ada], failed('em_1'))
    await addBounce('em_1', null)
    await escalate('em_1')
    const html = await visitor.html('/escalations')
    for (const text of ['Subject of em_1', ada, 'Authentication failed', 'you, the sender', 'DMARC policy']) {
      assert.ok(html.includes(text), text)
    }
  })

  it('lead from refusals for the sender’s domain to what is wrong with it, and from others to nothing', async () => {
    const detail = '38 of 40 emails to Gmail within an hour were refused'
    const refused = async (scope: string, more: string) => {
      const { provider, emailId } = incidentKeyOf(scope, 'e1')
      await escalate(scope, { provider, emailId, reason: 'sender_refused', detail: `${detail}: ${more}` })
    }
    await refused('authentication/gmail', 'DMARC. Fix SPF, DKIM and DMARC of example.org: both must pass.')
    await addEmail('em_1', [ada], failed('em_1'))
    await addBounce('em_1', null)
    await escalate('em_1')
    await refused('blocked_list/gmail', 'on a block list.')
    await refused('too_large/gmail', 'too large.')
    const links = [...(await visitor.html('/escalations')).matchAll(/href="(\/domains[^"]*)">Check/g)].map(
      ([, href]) => href,
    )
    // That of the group, its incident and its email, and that of the other incident.
    assert.deepEqual(links.sort(), ['/domains', '/domains/example.com', '/domains/example.org', '/domains/example.org'])
  })

  it('show escalations of one cause as one card, and acknowledge them together', async () => {
    for (const id of ['em_1', 'em_2', 'em_3']) {
      await addEmail(id, [`${id}@gmail.com`], failed(id))
      await addBounce(id, null)
      await escalate(id, { version: 4 })
    }
    const html = await visitor.html('/escalations')
    assert.match(html, /A critical email was not delivered: 3 emails to Gmail/)
    assert.match(html, /Acknowledge all 3/)
    assert.match(await visitor.html('/'), /A critical email was not delivered: 3 emails to Gmail/)

    let calls = 0
    visited.emailWorkflows.answer = async (command) => {
      if (++calls === 2) throw new CommandRefusedError('the escalation is already resolved')
      return commandEscalation(openEscalation('critical_bounce', '', 0, policy), command, 1)
    }
    const chosen = new URLSearchParams({ back: '/escalations' })
    for (const id of ['em_1', 'em_2', 'em_3']) chosen.append('escalation', `4 esc_${id}`)
    const response = await visitor.postForm('/escalations/acknowledge', chosen)
    assert.equal(response.status, 303)
    assert.deepEqual(
      visited.emailWorkflows.commands.map(({ command }) => command),
      Array(3).fill({ do: 'acknowledge', by: 'grace' }),
    )
    const invalid = await visitor.postForm('/escalations/acknowledge', new URLSearchParams({ escalation: 'x' }))
    assert.equal(invalid.status, 400)
  })
})
