import assert from 'node:assert/strict'
import { resend } from '../../src/providers/resend/webhook.ts'
import { outcomeOf, parsed, parsedOne, receivedAt } from './adapter.ts'
import { documented } from './fixtures/resend.ts'

describe('the events of Resend', () => {
  const about = { recipient: 'delivered@resend.dev' }
  const expected: Record<string, object> = {
    sent: { type: 'sent', recipient: null },
    delivered: { type: 'delivered', ...about },
    scheduled: { type: 'queued', ...about },
    delayed: { type: 'bounced', ...about, bounce: 'soft null deferred' },
    complained: { type: 'complained', ...about },
    permanent: { type: 'bounced', ...about, bounce: 'hard 5.5.0 bounced' },
    transient: { type: 'bounced', ...about, bounce: 'soft null failed' },
    undetermined: { type: 'bounced', ...about, bounce: 'soft null failed' },
    bouncedIn2023: { type: 'bounced', ...about, bounce: 'hard null bounced' },
    suppressed: { type: 'bounced', ...about, bounce: 'hard null bounced' },
    failed: { type: 'bounced', ...about, bounce: 'soft null failed' },
    opened: { type: 'opened', ...about, human: true },
    clicked: { type: 'clicked', ...about, human: false },
  }
  for (const [name, event] of Object.entries(documented).filter(([name]) => name in expected)) {
    it(`${name}: is mapped to our event`, () => {
      const read = parsedOne(resend, event)
      assert.deepEqual(outcomeOf(read), expected[name])
      assert.deepEqual(
        [read.emailId, read.occurredAt, read.subject],
        ['56761188-7520-42d8-8898-ff6fc54ce618', Date.UTC(2026, 10, 22, 23, 41, 12, 126), 'Sending this example'],
      )
      assert.equal(read.payload, JSON.stringify(event))
    })
  }

  it('about contacts, domains and inbound emails are dropped', () => {
    for (const event of [documented.received, documented.contact, documented.domain]) {
      assert.deepEqual(parsed(resend, event), [])
    }
  })

  it('have the signed message ID, which is the same in every retry', () => {
    const body = Buffer.from(JSON.stringify(documented.sent))
    const [event] = resend.parse(body, receivedAt, { 'svix-id': 'msg_1', 'webhook-id': 'msg_2' })
    assert.equal(event?.id, 'msg_1')
  })

  it('of unknown types are stored under Resend’s type', () => {
    assert.equal(parsedOne(resend, { ...documented.sent, type: 'email.teleported' }).type, 'teleported')
  })

  it('carry the reason of a failure', () => {
    assert.equal(parsedOne(resend, documented.failed).bounce?.message, 'reached_daily_quota')
  })

  it('carry the tags in either form', () => {
    assert.deepEqual(parsedOne(resend, documented.sent).tags, ['category:confirm_email'])
    assert.deepEqual(parsedOne(resend, documented.delivered).tags, ['category:confirm_email'])
  })

  it('carry the reply of the receiver rather than Resend’s description of it', () => {
    assert.match(parsedOne(resend, documented.permanent).bounce?.message ?? '', /^smtp; 550 5\.5\.0/)
    assert.equal(parsedOne(resend, documented.transient).bounce?.message, 'Mailbox full')
  })

  it('of a scheduled email carry its time, or else the latest one that Resend allows', () => {
    const scheduledFor = (more: object) =>
      parsedOne(resend, { ...documented.scheduled, data: { ...documented.scheduled.data, ...more } }).scheduledFor
    assert.equal(scheduledFor({ scheduled_at: '2026-11-30 10:00:00+00' }), Date.UTC(2026, 10, 30, 10))
    assert.equal(scheduledFor({}), Date.parse('2026-12-22T23:41:11.894Z'))
  })

  it('without an email ID are refused', () => {
    assert.throws(() => parsed(resend, { type: 'email.sent', data: {} }), /no email ID/)
  })
})
