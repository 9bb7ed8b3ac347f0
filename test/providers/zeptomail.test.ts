import assert from 'node:assert/strict'
import { unreadableEventType } from '../../src/domain/events.ts'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { isForeignMessageId } from '../../src/providers/registry.ts'
import { zeptomail } from '../../src/providers/zeptomail/webhook.ts'
import { outcomeOf, parsed, parsedOne, receivedAt } from './adapter.ts'
import { documented, info, notification, signed } from './fixtures/zeptomail.ts'

describe('the requests of ZeptoMail', () => {
  const headers = { 'producer-signature': signed.header }
  const form = (text: string) => Buffer.from(new URLSearchParams({ data: text }).toString())

  it('are verified by an HMAC of the notification, as JSON or in a form, however old the time beside it is', () => {
    for (const body of [Buffer.from(signed.body), form(signed.body)]) {
      assert.ok(zeptomail.verify(body, headers, ['another', signed.key]))
      assert.ok(!zeptomail.verify(body, headers, ['another']))
    }
    assert.ok(!zeptomail.verify(form(`${signed.body} `), headers, [signed.key]))
  })

  it('are verified by a header with the secret', () => {
    const body = Buffer.from(JSON.stringify(documented.hardBounce))
    assert.ok(zeptomail.verify(body, { 'x-webhook-token': signed.key }, [signed.key]))
    assert.ok(zeptomail.verify(body, { authorization: `Bearer ${signed.key}` }, [signed.key]))
    assert.ok(!zeptomail.verify(body, { 'x-webhook-token': 'another' }, [signed.key]))
    assert.ok(!zeptomail.verify(body, {}, [signed.key]))
  })

  it('are read from a form as from JSON', () => {
    const read = (body: Buffer) => zeptomail.parse(body, receivedAt, {})
    const text = JSON.stringify(documented.hardBounce)
    assert.deepEqual(read(form(text)), read(Buffer.from(text)))
    assert.throws(() => read(form('text')), /not JSON/)
    assert.throws(() => read(Buffer.from('')), /not JSON/)
  })
})

describe('the events of ZeptoMail', () => {
  const about = { recipient: 'rebecca@zylker.com' }
  const bounced = { type: 'bounced', recipient: 'bouncerecipient@zylker.com' }
  const expected: Record<keyof typeof documented, object> = {
    softBounce: { ...bounced, bounce: 'soft null failed' },
    hardBounce: { ...bounced, bounce: 'hard 5.1.1 bounced' },
    delivered: { type: 'delivered', ...about },
    open: { type: 'opened', ...about, human: false },
    click: { type: 'clicked', ...about, human: true },
    complaint: { type: 'complained', recipient: 'bouncerecipient@zylker.com' },
  }
  for (const [name, body] of Object.entries(documented)) {
    it(`${name}: is mapped to our event`, () => {
      const event = parsedOne(zeptomail, body)
      assert.deepEqual(outcomeOf(event), expected[name as keyof typeof documented])
      assert.deepEqual(
        [event.emailId, event.subject, event.tags, event.externalId],
        ['zepto-request-id', 'webhook test email', ['Welcome email'], info.client_reference],
      )
      const seconds = name === 'delivered' || name === 'complaint' ? [5, 41, 54] : [5, 42, 30]
      assert.equal(event.occurredAt, Date.UTC(2024, 2, 28, ...seconds))
    })
  }

  it('hold one event for each detail, and one that cannot be read does not affect the others', () => {
    const details = ['a@zylker.com', 'b@zylker.com'].map((bounced_recipient) => ({
      bounced_recipient,
      time: '2024-03-28',
    }))
    const body = notification('hardbounce', [...details, {}])
    const [message] = body.event_message
    const damaged = { ...body, event_message: [message, { ...message, request_id: '' }, 'text'] }
    const events = parsed(zeptomail, damaged)
    assert.deepEqual(
      events.slice(0, 2).map(({ recipient }) => recipient),
      ['a@zylker.com', 'b@zylker.com'],
    )
    assert.equal(events.at(-1)?.type, unreadableEventType)
    assert.equal(new Set(events.map(({ id }) => id)).size, events.length)
  })

  it('have the same ID in every repeat, and another one for another recipient or time', () => {
    const idOf = (detail: object) => parsedOne(zeptomail, notification('email_open', [detail])).id
    assert.equal(idOf({ time: '2024-03-28', user_agent: 'A' }), idOf({ user_agent: 'A', time: '2024-03-28' }))
    assert.notEqual(idOf({ time: '2024-03-28' }), idOf({ time: '2024-03-29' }))
    assert.notEqual(idOf({ recipient: 'a@b.example' }), idOf({ recipient: 'c@b.example' }))
  })

  it('name nobody when the email had several recipients and the event names none', () => {
    const cc = [{ email_address: { address: 'cc@zylker.com' } }]
    const { recipient, to } = parsedOne(zeptomail, notification('email_open', [{}], { ...info, cc }))
    assert.deepEqual([recipient, to], [null, ['rebecca@zylker.com', 'cc@zylker.com']])
  })

  it('have the Message-ID that ZeptoMail sets, which finds the email', () => {
    assert.deepEqual(parsedOne(zeptomail, documented.delivered).metadata, { 'message-id': info.email_reference })
    assert.ok(isForeignMessageId('zeptomail', info.email_reference))
  })

  for (const [reason, judgement] of [
    ['bad-mailbox', 'unknown_recipient bounced'],
    ['quota-issues', 'mailbox_full failed'],
    ['spam-related', 'spam_content failed'],
    ['relaying-issues', 'relay_denied failed'],
    ['a-new-one', 'unknown bounced'],
  ] as const) {
    it(`of a hard bounce for ${reason} are ${judgement}, where the diagnostic message says nothing`, () => {
      const { bounce } = parsedOne(
        zeptomail,
        notification('hardbounce', [{ reason, bounced_recipient: 'a@b.example' }]),
      )
      const found = judgeBounce(bounce)
      assert.equal(`${found.reason} ${found.outcome}`, judgement)
    })
  }

  it('of unknown types are stored under ZeptoMail’s name', () => {
    assert.equal(parsedOne(zeptomail, notification('unsubscribe', [])).type, 'unsubscribe')
  })
})
