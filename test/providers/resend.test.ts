import assert from 'node:assert/strict'
import { resend } from '../../src/providers/resend.ts'
import { parsed, parsedOne, receivedAt, told } from './adapter.ts'
import { documented } from './fixtures/resend.ts'

describe('Resend’s events', () => {
  const about = { recipient: 'delivered@resend.dev' }
  const expected: Record<string, object> = {
    sent: { type: 'sent', recipient: null },
    delivered: { type: 'delivered', ...about },
    scheduled: { type: 'queued', ...about },
    delayed: { type: 'bounced', recipient: null, bounce: 'soft null' },
    complained: { type: 'complained', ...about },
    permanent: { type: 'bounced', ...about, bounce: 'hard 5.5.0' },
    transient: { type: 'bounced', ...about, bounce: 'soft null' },
    undetermined: { type: 'bounced', ...about, bounce: 'soft null' },
    bouncedIn2023: { type: 'bounced', ...about, bounce: 'hard null' },
    suppressed: { type: 'bounced', ...about, bounce: 'hard null' },
    failed: { type: 'bounced', recipient: null, bounce: 'soft null' },
    opened: { type: 'opened', ...about, human: true },
    clicked: { type: 'clicked', ...about, human: false },
  }
  for (const [name, event] of Object.entries(documented).filter(([name]) => name in expected)) {
    it(`${name}: become ours`, () => {
      const read = parsedOne(resend, event)
      assert.deepEqual(told(read), expected[name])
      assert.deepEqual(
        [read.emailId, read.occurredAt, read.subject],
        ['56761188-7520-42d8-8898-ff6fc54ce618', Date.UTC(2026, 10, 22, 23, 41, 12, 126), 'Sending this example'],
      )
      assert.equal(read.payload, JSON.stringify(event))
    })
  }

  it('about contacts, domains and emails that came in are none', () => {
    for (const event of [documented.received, documented.contact, documented.domain]) {
      assert.deepEqual(parsed(resend, event), [])
    }
  })

  it('have the signed ID of their message, which stays the same however often they are sent', () => {
    const body = Buffer.from(JSON.stringify(documented.sent))
    const [event] = resend.parse(body, receivedAt, { 'svix-id': 'msg_1', 'webhook-id': 'msg_2' })
    assert.equal(event?.id, 'msg_1')
  })

  it('of types that are not known yet are kept under Resend’s word', () => {
    assert.equal(parsedOne(resend, { ...documented.sent, type: 'email.teleported' }).type, 'teleported')
  })

  it('tell why they failed', () => {
    assert.equal(parsedOne(resend, documented.failed).bounce?.message, 'reached_daily_quota')
  })

  it('without an email ID are refused', () => {
    assert.throws(() => parsed(resend, { type: 'email.sent', data: {} }), /no email ID/)
  })
})
