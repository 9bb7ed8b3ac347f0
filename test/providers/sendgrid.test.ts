import assert from 'node:assert/strict'
import fc from 'fast-check'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { isSendgridKey, sendgrid } from '../../src/providers/sendgrid/webhook.ts'
import { outcomeOf, parsed, parsedOne, receivedAt } from './adapter.ts'
import { documented, published } from './fixtures/sendgrid.ts'

describe('the signature of SendGrid', () => {
  const verify = (changed: Partial<Record<keyof typeof published, string>> = {}) => {
    const { publicKey, signature, timestamp, payload } = { ...published, ...changed }
    const headers = {
      'x-twilio-email-event-webhook-signature': signature,
      'x-twilio-email-event-webhook-timestamp': timestamp,
    }
    return sendgrid.verify(Buffer.from(payload), headers, [publicKey])
  }

  it('is accepted for the example in the tests of SendGrid’s library', () => {
    assert.equal(verify(), true)
  })

  it('is refused for another key, body, signature or timestamp, as in those tests', () => {
    assert.equal(verify({ publicKey: published.otherPublicKey }), false)
    assert.equal(verify({ payload: 'payload' }), false)
    assert.equal(verify({ signature: published.badSignature }), false)
    assert.equal(verify({ timestamp: 'timestamp' }), false)
  })

  it('is accepted with any of several keys', () => {
    const headers = {
      'x-twilio-email-event-webhook-signature': published.signature,
      'x-twilio-email-event-webhook-timestamp': published.timestamp,
    }
    const body = Buffer.from(published.payload)
    assert.equal(sendgrid.verify(body, headers, [published.otherPublicKey, published.publicKey]), true)
    assert.equal(sendgrid.verify(body, headers, []), false)
    assert.equal(sendgrid.verify(body, {}, [published.publicKey]), false)
  })

  it('is refused without a throw, for any header', () => {
    const anything = fc.oneof(fc.base64String(), fc.string(), fc.constant(published.signature.slice(0, -8)))
    fc.assert(fc.property(anything, (signature) => verify({ signature }) === false))
  })

  it('is verified with a valid public key only', () => {
    assert.ok(isSendgridKey(published.publicKey))
    for (const entry of ['key', published.publicKey.slice(4), '']) assert.ok(!isSendgridKey(entry), entry)
  })
})

describe('the events of SendGrid', () => {
  const about = { recipient: 'example@test.com' }
  const expected: Record<string, object> = {
    processed: { type: 'sending', ...about },
    dropped: { type: 'bounced', ...about, bounce: 'hard 5.0.0 bounced' },
    delivered: { type: 'delivered', ...about },
    deferred: { type: 'bounced', recipient: 'example@example.com', bounce: 'soft 400 deferred' },
    bounce: { type: 'bounced', ...about, bounce: 'hard 5.0.0 bounced' },
    blocked: { type: 'bounced', ...about, bounce: 'soft 5.0.0 bounced' },
    open: { type: 'opened', ...about, human: true },
    click: { type: 'clicked', ...about, human: true },
    spamreport: { type: 'complained', ...about },
    unsubscribe: { type: 'unsubscribed', ...about },
    group_unsubscribe: { type: 'unsubscribed', ...about },
    group_resubscribe: { type: 'resubscribed', ...about },
  }
  for (const [name, event] of Object.entries(documented).filter(([name]) => name in expected)) {
    it(`${name}: is mapped to our event, with the email ID that the API answered`, () => {
      const read = parsedOne(sendgrid, [event])
      assert.deepEqual(outcomeOf(read), expected[name])
      assert.equal(read.emailId, '14c5d75ce93.dfd.64b469')
      assert.equal(read.occurredAt, 1_513_299_569_000)
      assert.deepEqual(JSON.parse(read.payload), event)
    })
  }

  it('about the account are dropped', () => {
    assert.deepEqual(parsed(sendgrid, [documented.account_status_change]), [])
  })

  it('are parsed one by one from a batch', () => {
    const events = parsed(sendgrid, Object.values(documented))
    assert.equal(events.length, Object.keys(documented).length - 1)
    assert.equal(new Set(events.map(({ id }) => id)).size, events.length)
  })

  it('have the same ID with another sg_event_id or further fields, and another ID for another event', () => {
    const idOf = (changed: object) => parsedOne(sendgrid, [{ ...documented.open, ...changed }]).id
    assert.equal(idOf({ sg_event_id: 'another' }), idOf({}))
    assert.equal(idOf({ sg_event_id: 'another', unique_arg: 'new', category: ['a'] }), idOf({}))
    for (const changed of [{ timestamp: 1513299570 }, { email: 'b@test.com' }, { event: 'click' }, { ip: '1.2.3.4' }]) {
      assert.notEqual(idOf(changed), idOf({}), JSON.stringify(changed))
    }
  })

  it('of a dropped email have the same ID with and without its status, which Email Logs leave out', () => {
    const { status: _, ...without } = documented.dropped
    assert.equal(parsedOne(sendgrid, [without]).id, parsedOne(sendgrid, [documented.dropped]).id)
    const { bounce } = documented
    assert.notEqual(parsedOne(sendgrid, [{ ...bounce, status: '5.1.1' }]).id, parsedOne(sendgrid, [bounce]).id)
    const cancelled = parsedOne(sendgrid, [{ ...without, event: 'cancel_drop', reason: 'Cancelled' }])
    assert.deepEqual([cancelled.type, judgeBounce(cancelled.bounce).outcome], ['bounced', 'failed'])
  })

  it('take the email ID from smtp-id when sg_message_id starts with the filter', () => {
    const idOf = (changed: object) => parsedOne(sendgrid, [{ ...documented.dropped, ...changed }]).emailId
    const sg_message_id = 'filter0093p1las1.9128.5717FB8127.0'
    assert.equal(idOf({ sg_message_id, 'smtp-id': '<wrfRRvF7Q@ismtpd0006p1sjc2.sendgrid.net>' }), 'wrfRRvF7Q')
    assert.equal(idOf({ sg_message_id, 'smtp-id': '<wrfRRvF7Q@geopod-ismtpd-1-0>' }), 'wrfRRvF7Q')
    assert.equal(idOf({ sg_message_id, 'smtp-id': '<1527@example.com>' }), sg_message_id)
    assert.equal(idOf({ sg_message_id: 'u9Gvi3mzT6iC.recvd-5b6c-1.0' }), 'u9Gvi3mzT6iC')
  })

  it('are not human with sg_machine_open', () => {
    assert.equal(parsedOne(sendgrid, [{ ...documented.open, sg_machine_open: true }]).human, false)
  })

  it('are judged by their word, their classification and the receiver’s reply', () => {
    const outcome = (event: object) => judgeBounce(parsedOne(sendgrid, [event]).bounce).outcome
    for (const reason of ['Unsubscribed Address', 'Spam Content', 'Recipient List over Package Quota']) {
      assert.equal(outcome({ ...documented.dropped, reason }), 'failed', reason)
    }
    const { reason: _, ...untold } = documented.blocked
    for (const bounce_classification of ['Content', 'Reputation', 'Frequency or Volume Too High', 'Technical']) {
      assert.equal(outcome({ ...untold, bounce_classification }), 'failed', bounce_classification)
      assert.equal(outcome({ ...untold, type: 'bounce', bounce_classification }), 'failed', bounce_classification)
    }
    for (const reason of ['Invalid', 'Invalid Address', 'Spam Reporting Address']) {
      assert.equal(outcome({ ...documented.dropped, reason }), 'bounced', reason)
    }
    assert.equal(
      outcome({ ...untold, bounce_classification: 'Mailbox Unavailable', status: '5.2.2', type: 'bounce' }),
      'failed',
    )
  })

  it('carry categories as tags, the response to a delivered email, and the group of an unsubscribe', () => {
    assert.deepEqual(parsedOne(sendgrid, [documented.delivered]).tags, ['cat facts'])
    assert.deepEqual(parsedOne(sendgrid, [{ ...documented.open, category: ['a', 'b', 'a'] }]).tags, ['a', 'b'])
    assert.equal(parsedOne(sendgrid, [documented.delivered]).response, '250 OK')
    const lists = [documented.unsubscribe, documented.group_unsubscribe].map(
      (event) => parsedOne(sendgrid, [event]).list,
    )
    assert.deepEqual(lists, [null, '10'])
  })

  it('without a readable time have the time of receipt', () => {
    assert.equal(parsedOne(sendgrid, [{ ...documented.open, timestamp: 'soon' }]).occurredAt, receivedAt)
  })

  it('that cannot be read are quarantined with a reason, and do not affect the others', () => {
    const batch = [documented.delivered, { event: 'open', timestamp: 1513299569 }, 42, null, documented.click]
    const [first, noId, number, nothing, last] = parsed(sendgrid, batch)
    assert.deepEqual([first?.type, last?.type], ['delivered', 'clicked'])
    assert.deepEqual([first?.quarantinedReason, last?.quarantinedReason], [undefined, undefined])
    assert.equal(noId?.quarantinedReason, 'the event has no sg_message_id')
    assert.equal(number?.quarantinedReason, 'the event is not a JSON object')
    assert.deepEqual([noId?.type, noId?.emailId, number?.payload], ['unreadable', '', '42'])
    const noType = parsedOne(sendgrid, [{ ...documented.open, event: 7 }])
    assert.deepEqual(
      [noType.type, noType.emailId],
      ['unreadable', '14c5d75ce93.dfd.64b469'],
      'it is shown with its email',
    )
    assert.deepEqual([noType.to, noType.recipient, noType.human], [['example@test.com'], null, false])
    assert.equal(new Set([noId?.id, number?.id, nothing?.id]).size, 3)
    assert.equal(parsed(sendgrid, [42])[0]?.id, number?.id, 'a repeat has the same ID')
  })

  it('must be in an array', () => {
    for (const body of [{}, documented.open, 'x', 1, null]) {
      assert.throws(() => sendgrid.parse(Buffer.from(JSON.stringify(body)), receivedAt, {}), /not a JSON array/)
    }
  })
})
