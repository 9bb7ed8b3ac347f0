import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isSendgridKey, sendgrid } from '../../src/providers/sendgrid.ts'
import { parsed, parsedOne, receivedAt, told } from './adapter.ts'
import { documented, published } from './fixtures/sendgrid.ts'

describe('SendGrid’s signature', () => {
  const verify = (changed: Partial<Record<keyof typeof published, string>> = {}) => {
    const { publicKey, signature, timestamp, payload } = { ...published, ...changed }
    const headers = {
      'x-twilio-email-event-webhook-signature': signature,
      'x-twilio-email-event-webhook-timestamp': timestamp,
    }
    return sendgrid.verify(Buffer.from(payload), headers, [publicKey])
  }

  it('is accepted as its own library’s tests have it', () => {
    assert.equal(verify(), true)
  })

  it('is refused as those tests have it: another key, body, signature or timestamp', () => {
    assert.equal(verify({ publicKey: published.otherPublicKey }), false)
    assert.equal(verify({ payload: 'payload' }), false)
    assert.equal(verify({ signature: published.badSignature }), false)
    assert.equal(verify({ timestamp: 'timestamp' }), false)
  })

  it('is accepted from any of several keys', () => {
    const headers = {
      'x-twilio-email-event-webhook-signature': published.signature,
      'x-twilio-email-event-webhook-timestamp': published.timestamp,
    }
    const body = Buffer.from(published.payload)
    assert.equal(sendgrid.verify(body, headers, [published.otherPublicKey, published.publicKey]), true)
    assert.equal(sendgrid.verify(body, headers, []), false)
    assert.equal(sendgrid.verify(body, {}, [published.publicKey]), false)
  })

  it('is refused without a throw, whatever the header holds', () => {
    const anything = fc.oneof(fc.base64String(), fc.string(), fc.constant(published.signature.slice(0, -8)))
    fc.assert(fc.property(anything, (signature) => verify({ signature }) === false))
  })

  it('wants a key that is one', () => {
    assert.ok(isSendgridKey(published.publicKey))
    for (const entry of ['key', published.publicKey.slice(4), '']) assert.ok(!isSendgridKey(entry), entry)
  })
})

describe('SendGrid’s events', () => {
  const about = { recipient: 'example@test.com' }
  const expected: Record<string, object> = {
    processed: { type: 'sending', ...about },
    dropped: { type: 'bounced', ...about, bounce: 'hard 5.0.0' },
    delivered: { type: 'delivered', ...about },
    deferred: { type: 'bounced', recipient: null, bounce: 'soft 400' },
    bounce: { type: 'bounced', ...about, bounce: 'hard 5.0.0' },
    blocked: { type: 'bounced', ...about, bounce: 'soft 5.0.0' },
    open: { type: 'opened', ...about, human: true },
    click: { type: 'clicked', ...about, human: true },
    spamreport: { type: 'complained', ...about },
    unsubscribe: { type: 'unsubscribe', ...about },
    group_unsubscribe: { type: 'group_unsubscribe', ...about },
    group_resubscribe: { type: 'group_resubscribe', ...about },
  }
  for (const [name, event] of Object.entries(documented).filter(([name]) => name in expected)) {
    it(`${name}: become ours, of the email that the API answered with`, () => {
      const read = parsedOne(sendgrid, [event])
      assert.deepEqual(told(read), expected[name])
      assert.equal(read.emailId, '14c5d75ce93.dfd.64b469')
      assert.equal(read.occurredAt, 1_513_299_569_000)
      assert.deepEqual(JSON.parse(read.payload), event)
    })
  }

  it('about the account are none', () => {
    assert.deepEqual(parsed(sendgrid, [documented.account_status_change]), [])
  })

  it('come many in one request, each by itself', () => {
    const events = parsed(sendgrid, Object.values(documented))
    assert.equal(events.length, Object.keys(documented).length - 1)
    assert.equal(new Set(events.map(({ id }) => id)).size, events.length)
  })

  it('have the same ID under another sg_event_id and with other fields beside, and another when something else happened', () => {
    const idOf = (changed: object) => parsedOne(sendgrid, [{ ...documented.open, ...changed }]).id
    assert.equal(idOf({ sg_event_id: 'another' }), idOf({}))
    assert.equal(idOf({ sg_event_id: 'another', unique_arg: 'new', category: ['a'] }), idOf({}))
    for (const changed of [{ timestamp: 1513299570 }, { email: 'b@test.com' }, { event: 'click' }, { ip: '1.2.3.4' }]) {
      assert.notEqual(idOf(changed), idOf({}), JSON.stringify(changed))
    }
  })

  it('are of the email named in smtp-id when sg_message_id begins with the filter', () => {
    const idOf = (changed: object) => parsedOne(sendgrid, [{ ...documented.dropped, ...changed }]).emailId
    const sg_message_id = 'filter0093p1las1.9128.5717FB8127.0'
    assert.equal(idOf({ sg_message_id, 'smtp-id': '<wrfRRvF7Q@ismtpd0006p1sjc2.sendgrid.net>' }), 'wrfRRvF7Q')
    assert.equal(idOf({ sg_message_id, 'smtp-id': '<wrfRRvF7Q@geopod-ismtpd-1-0>' }), 'wrfRRvF7Q')
    assert.equal(idOf({ sg_message_id, 'smtp-id': '<1527@example.com>' }), sg_message_id)
    assert.equal(idOf({ sg_message_id: 'u9Gvi3mzT6iC.recvd-5b6c-1.0' }), 'u9Gvi3mzT6iC')
  })

  it('tell machines by sg_machine_open', () => {
    assert.equal(parsedOne(sendgrid, [{ ...documented.open, sg_machine_open: true }]).human, false)
  })

  it('suppress nobody for what is not the recipient’s', () => {
    const outcome = (event: object) => {
      const { recipient, bounce } = parsedOne(sendgrid, [event])
      return [recipient, bounce?.class]
    }
    for (const reason of ['Unsubscribed Address', 'Spam Content', 'Recipient List over Package Quota']) {
      assert.deepEqual(outcome({ ...documented.dropped, reason }), [null, 'soft'], reason)
    }
    for (const bounce_classification of ['Content', 'Reputation', 'Frequency or Volume Too High']) {
      assert.deepEqual(outcome({ ...documented.blocked, bounce_classification }), [null, 'soft'], bounce_classification)
    }
    for (const reason of ['Invalid', 'Invalid Address', 'Spam Reporting Address']) {
      assert.deepEqual(outcome({ ...documented.dropped, reason }), ['example@test.com', 'hard'], reason)
    }
    assert.deepEqual(outcome({ ...documented.bounce, status: '5.2.2' }), ['example@test.com', 'soft'])
  })

  it('that cannot be read are put aside with their reason, and hold up no other', () => {
    const batch = [documented.delivered, { event: 'open', timestamp: 1513299569 }, 42, null, documented.click]
    const [first, noId, number, nothing, last] = parsed(sendgrid, batch)
    assert.deepEqual([first?.type, last?.type], ['delivered', 'clicked'])
    assert.deepEqual([first?.quarantinedReason, last?.quarantinedReason], [undefined, undefined])
    assert.equal(noId?.quarantinedReason, 'the event has no sg_message_id')
    assert.equal(number?.quarantinedReason, 'the event is not a JSON object')
    assert.deepEqual([noId?.type, noId?.emailId, number?.payload], ['unreadable', '', '42'])
    const noTime = parsedOne(sendgrid, [{ ...documented.open, timestamp: 'soon' }])
    assert.deepEqual([noTime.type, noTime.emailId], ['unreadable', '14c5d75ce93.dfd.64b469'], 'shown with its email')
    assert.deepEqual([noTime.to, noTime.recipient, noTime.human], [['example@test.com'], null, false])
    assert.equal(new Set([noId?.id, number?.id, nothing?.id]).size, 3)
    assert.equal(parsed(sendgrid, [42])[0]?.id, number?.id, 'the same again is a repeat')
  })

  it('must be an array', () => {
    for (const body of [{}, documented.open, 'x', 1, null]) {
      assert.throws(() => sendgrid.parse(Buffer.from(JSON.stringify(body)), receivedAt, {}), /not a JSON array/)
    }
  })
})
