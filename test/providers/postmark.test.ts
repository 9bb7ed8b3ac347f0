import assert from 'node:assert/strict'
import fc from 'fast-check'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { postmark } from '../../src/providers/postmark/webhook.ts'
import { credentialProof } from '../../src/providers/proof.ts'
import { outcomeOf, parsed, parsedOne } from './adapter.ts'
import { bounceTypes, documented } from './fixtures/postmark.ts'

const nothing = Buffer.from('')

describe('the requests of Postmark', () => {
  const [basic, token] = ['user:a-good-password', 'a-token-of-32-characters']
  const verify = (headers: Record<string, string>, secrets = [basic, token]) =>
    postmark.verify(nothing, headers, secrets)

  it('are accepted with basic authentication (RFC 7617, §2) or a token, as configured', () => {
    assert.ok(verify({ authorization: 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==' }, ['Aladdin:open sesame']))
    assert.ok(verify({ authorization: `basic ${Buffer.from(basic).toString('base64')}` }))
    assert.ok(verify({ 'x-webhook-token': token }))
    for (const secret of [basic, token]) assert.ok(verify({ ...credentialProof.sign('', secret, 0).headers }))
  })

  it('are refused with anything else', () => {
    assert.ok(!verify({}))
    assert.ok(!verify({ authorization: `Basic ${Buffer.from(`${basic}x`).toString('base64')}` }))
    assert.ok(!verify({ authorization: `Bearer ${Buffer.from(basic).toString('base64')}` }))
    assert.ok(!verify({ authorization: token }))
    assert.ok(!verify({ 'x-webhook-token': `${token} ` }))
    assert.ok(!verify({ 'x-webhook-token': basic }))
    assert.ok(!verify({ 'x-webhook-token': token }, []))
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (made) => !verify({ authorization: made, 'x-webhook-token': made })),
    )
  })
})

describe('the records of Postmark', () => {
  const expected: Record<string, object> = {
    delivery: { type: 'delivered', recipient: 'recipient@example.com' },
    hardBounce: { type: 'bounced', recipient: 'bounce@example.com', bounce: 'hard 5.1.1 bounced' },
    unsubscribe: { type: 'unsubscribed', recipient: null },
    spamComplaint: { type: 'complained', recipient: 'spam@example.com' },
    open: { type: 'opened', recipient: 'recipient@example.com', human: true },
    click: { type: 'clicked', recipient: 'recipient@example.com', human: true },
    subscriptionChange: { type: 'unsubscribed', recipient: 'john@example.com' },
  }
  for (const [name, record] of Object.entries(documented).filter(([name]) => name in expected)) {
    it(`${name}: is mapped to our event`, () => {
      const event = parsedOne(postmark, record)
      assert.deepEqual(outcomeOf(event), expected[name])
      assert.equal(event.emailId, '883953f4-6105-42a2-a16a-77a8eac79483')
    })
  }

  it('have times with milliseconds and time zones', () => {
    assert.equal(parsedOne(postmark, documented.delivery).occurredAt, Date.UTC(2014, 7, 1, 17, 28, 10, 273))
    assert.equal(parsedOne(postmark, documented.click).occurredAt, Date.UTC(2017, 9, 25, 15, 21, 11, 906))
  })

  for (const [Type, TypeCode, meaning] of bounceTypes) {
    it(`a bounce of type ${Type} (${TypeCode}) is ${meaning}`, () => {
      const untold = { Details: '', Inactive: meaning === 'bounced' }
      const { type, bounce, recipient } = parsedOne(postmark, { ...documented.hardBounce, ...untold, Type, TypeCode })
      assert.equal(type === 'bounced' ? judgeBounce(bounce).outcome : type, meaning)
      assert.equal(recipient, 'bounce@example.com')
    })
  }

  it('of a bounce type that is not known are bounces, held against an address that Postmark has deactivated', () => {
    const outcome = (Inactive: boolean) =>
      judgeBounce(parsedOne(postmark, { ...documented.hardBounce, Type: 'New', Details: '', Inactive }).bounce).outcome
    assert.deepEqual([outcome(true), outcome(false)], ['bounced', 'failed'])
  })

  it('of a changed subscription are shown, and are the recipient’s where the recipient made the change', () => {
    const typeOf = (changed: object) => parsedOne(postmark, { ...documented.subscriptionChange, ...changed }).type
    assert.equal(typeOf({ SuppressSending: false, SuppressionReason: null }), 'resubscribed')
    assert.equal(typeOf({ Origin: 'Admin' }), 'subscription_change')
    assert.equal(typeOf({ SuppressionReason: 'HardBounce' }), 'subscription_change', 'it has a record of its own')
    assert.equal(parsedOne(postmark, documented.subscriptionChange).list, 'outbound')
  })

  it('carry the tag, and the response to a delivered email', () => {
    const { tags, response } = parsedOne(postmark, documented.delivery)
    assert.deepEqual([tags, response], [['welcome-email'], 'Test delivery webhook details'])
    assert.deepEqual(parsedOne(postmark, { ...documented.delivery, Tag: '' }).tags, [])
  })

  it('have the same ID in every repeat, and another ID for another event', () => {
    const idOf = (record: object) => parsedOne(postmark, record).id
    for (const record of Object.values(documented).filter(({ MessageID }) => !MessageID.startsWith('0000'))) {
      assert.equal(idOf({ ...record, Geo: { IP: '1.2.3.4' } }), idOf(record))
    }
    const rewritten = {
      ...documented.delivery,
      DeliveredAt: '2014-08-01T17:28:10Z',
      Recipient: 'Recipient@example.com',
    }
    assert.equal(idOf(rewritten), idOf(documented.delivery), 'an email is delivered to each recipient once')
    assert.notEqual(idOf({ ...documented.delivery, Recipient: 'other@example.com' }), idOf(documented.delivery))
    const complaint = { ...documented.spamComplaint, RecordType: 'Bounce' }
    assert.equal(idOf(complaint), idOf(documented.spamComplaint), 'as a complaint or as a bounce of that type')
    assert.notEqual(idOf({ ...documented.open, ReceivedAt: '2016-04-27T16:21:42Z' }), idOf(documented.open))
    assert.notEqual(idOf({ ...documented.click, OriginalLink: 'https://example.com/' }), idOf(documented.click))
    assert.notEqual(idOf({ ...documented.hardBounce, ID: 1 }), idOf(documented.hardBounce))
  })

  it('without an email hold no event', () => {
    assert.deepEqual(parsed(postmark, documented.suppressedByHand), [])
    assert.deepEqual(parsed(postmark, { ...documented.subscriptionChange, MessageID: null }), [])
  })

  it('of inbound emails are refused, since the webhook is misconfigured', () => {
    assert.throws(() => parsed(postmark, { RecordType: 'Inbound', MessageID: 'x' }), /inbound email/)
  })
})
