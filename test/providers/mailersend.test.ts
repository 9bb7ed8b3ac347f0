import assert from 'node:assert/strict'
import { mailersend, mailersendProof } from '../../src/providers/mailersend/webhook.ts'
import { isForeignMessageId } from '../../src/providers/registry.ts'
import { outcomeOf, parsed, parsedOne } from './adapter.ts'
import { signed, urlCheck, version1, version2 } from './fixtures/mailersend.ts'

/** Published by MailerSend for its check of a URL. */
const publishedSecret = 'test_Am3L1GuOIc4blLUuHqAPxxwkZaJyEk8G'

describe('the requests of MailerSend', () => {
  it('are verified as published: an HMAC of the body, in hex', () => {
    for (const { body, secret, signature } of signed) {
      const verify = (text: string, secrets: string[]) => mailersend.verify(Buffer.from(text), { signature }, secrets)
      assert.ok(verify(body, ['another', secret]))
      assert.ok(!verify(`${body} `, [secret]))
      assert.ok(!verify(body, ['another']))
    }
  })

  it('that check the URL are accepted with the published secret, and hold no event', () => {
    const { headers, body } = mailersendProof.sign(JSON.stringify(urlCheck), publishedSecret, 0)
    assert.ok(mailersend.verify(Buffer.from(body), headers, ['ours']))
    assert.deepEqual(parsed(mailersend, urlCheck), [])
  })

  it('with events are refused with the published secret', () => {
    for (const text of [JSON.stringify(version1.hardBounced), '[{"type":"webhook.test"}]', 'webhook.test']) {
      const { headers, body } = mailersendProof.sign(text, publishedSecret, 0)
      assert.ok(!mailersend.verify(Buffer.from(body), headers, ['ours']), text)
    }
    assert.ok(!mailersendProof.accepts(publishedSecret), 'nor is it accepted as a setting')
  })
})

describe('the activities of MailerSend', () => {
  const about = { recipient: 'recipient@example.com' }
  const expected: Record<keyof typeof version1, object> = {
    sent: { type: 'sent', ...about },
    delivered: { type: 'delivered', ...about },
    hardBounced: { type: 'bounced', recipient: 'invalid@example.com', bounce: 'hard null bounced' },
    softBounced: { type: 'bounced', recipient: 'notauser@example.com', bounce: 'soft null failed' },
    spamComplaint: { type: 'complained', ...about },
    unsubscribed: { type: 'unsubscribed', ...about },
    opened: { type: 'opened', ...about, human: true },
    clicked: { type: 'clicked', ...about, human: true },
  }
  for (const [name, body] of Object.entries(version1)) {
    it(`${name}, version 1: is mapped to our event`, () => {
      const event = parsedOne(mailersend, body)
      assert.deepEqual(outcomeOf(event), expected[name as keyof typeof version1])
      assert.deepEqual([event.emailId, event.subject], ['63fd1c1d5f010335ed07066b', 'Test webhooks'])
      assert.deepEqual(event.tags, ['tag1', 'Tag 2'])
      assert.equal(event.occurredAt, Date.UTC(2023, 1, 27, 21, 9, 49, 506))
    })
  }

  const recipient = 'test@example.com'
  const expectedFlat: Record<keyof typeof version2, object> = {
    sent: { type: 'sent', recipient },
    sentEmailKey: { type: 'sent', recipient },
    hardBounced: { type: 'bounced', recipient, bounce: 'hard 550 bounced' },
    softBounced: { type: 'bounced', recipient, bounce: 'soft null failed' },
    clickedUnique: { type: 'clicked', recipient, human: true },
    unsubscribed: { type: 'unsubscribed', recipient },
  }
  for (const [name, body] of Object.entries(version2)) {
    it(`${name}, version 2: is mapped to our event`, () => {
      const event = parsedOne(mailersend, body)
      assert.deepEqual(outcomeOf(event), expectedFlat[name as keyof typeof version2])
      assert.deepEqual([event.emailId, event.subject], ['67f91abd69f79df391e9d78d', 'Test subject'])
      assert.deepEqual(event.tags, ['test-tag'])
      assert.equal(event.occurredAt, Date.UTC(2026, 0, 1, 12))
    })
  }

  it('that are soft keep a code that agrees', () => {
    const meta = { bounce_reason: 'Mailbox full', bounce_code: '452', bounce_type: 'soft' }
    const soft = { ...version2.softBounced, data: { ...version2.softBounced.data, meta } }
    assert.equal(parsedOne(mailersend, soft).bounce?.code, '452')
  })

  it('that defer an email are delays', () => {
    const deferred = { ...version2.softBounced, type: 'activity.deferred' }
    assert.match(String(Object(outcomeOf(parsedOne(mailersend, deferred))).bounce), /deferred$/)
  })

  it('name the same open once, as the first one and as any', () => {
    const { opened } = version1
    const unique = {
      ...opened,
      type: 'activity.opened_unique',
      data: { ...opened.data, id: '63fd1e05532bd6cc700a793c' },
    }
    assert.equal(parsedOne(mailersend, unique).id, parsedOne(mailersend, opened).id)
    const another = {
      ...opened,
      data: { ...opened.data, morph: { ...opened.data.morph, id: '63fd1e05532bd6cc700a7aaa' } },
    }
    assert.notEqual(parsedOne(mailersend, another).id, parsedOne(mailersend, opened).id)
    assert.notEqual(parsedOne(mailersend, version1.spamComplaint).id, parsedOne(mailersend, version1.softBounced).id)
  })

  it('have the Message-ID that MailerSend sets for the recipient, which finds the email', () => {
    const metadata = { 'message-id': '63fd1c1de225707fa905f0a8@mailersend.net' }
    assert.deepEqual(parsedOne(mailersend, version1.sent).metadata, metadata)
    assert.ok(isForeignMessageId('mailersend', '63fd1c1de225707fa905f0a8@mailersend.net'))
  })

  it('without a message or an activity ID are refused', () => {
    assert.throws(() => parsed(mailersend, { type: 'activity.sent', data: { id: 'a' } }), /no message ID/)
    assert.throws(() => parsed(mailersend, { type: 'activity.sent', data: { message_id: 'a' } }), /no activity ID/)
  })

  it('and other events that are about no email are dropped', () => {
    for (const type of ['sender_identity.verified', 'recipient.on_hold_added', 'inbound.message', 'sms.delivered']) {
      assert.deepEqual(parsed(mailersend, { type, data: { id: 'a' } }), [], type)
    }
  })
})
