import assert from 'node:assert/strict'
import fc from 'fast-check'
import { postmark, signPostmark } from '../../src/providers/postmark.ts'
import { parsed, parsedOne, told } from './adapter.ts'
import { bounceTypes, documented } from './fixtures/postmark.ts'

const nothing = Buffer.from('')

describe('Postmark’s requests', () => {
  const [basic, token] = ['user:a-good-password', 'a-token-of-32-characters']
  const verify = (headers: Record<string, string>, secrets = [basic, token]) =>
    postmark.verify(nothing, headers, secrets)

  it('are opened by basic authentication (RFC 7617, §2) or a token, whichever is configured', () => {
    assert.ok(verify({ authorization: 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==' }, ['Aladdin:open sesame']))
    assert.ok(verify({ authorization: `basic ${Buffer.from(basic).toString('base64')}` }))
    assert.ok(verify({ 'x-webhook-token': token }))
    for (const secret of [basic, token]) assert.ok(verify({ ...signPostmark('', secret, 0).headers }))
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

describe('Postmark’s records', () => {
  const expected: Record<string, object> = {
    delivery: { type: 'delivered', recipient: 'recipient@example.com' },
    hardBounce: { type: 'bounced', recipient: 'bounce@example.com', bounce: 'hard 5.1.1' },
    unsubscribe: { type: 'Unsubscribe', recipient: null },
    spamComplaint: { type: 'complained', recipient: 'spam@example.com' },
    open: { type: 'opened', recipient: 'recipient@example.com', human: true },
    click: { type: 'clicked', recipient: 'recipient@example.com', human: true },
    subscriptionChange: { type: 'subscription_change', recipient: 'john@example.com' },
  }
  for (const [name, record] of Object.entries(documented).filter(([name]) => name in expected)) {
    it(`${name}: become ours`, () => {
      const event = parsedOne(postmark, record)
      assert.deepEqual(told(event), expected[name])
      assert.equal(event.emailId, '883953f4-6105-42a2-a16a-77a8eac79483')
    })
  }

  it('tell their times, to the millisecond and with their zone', () => {
    assert.equal(parsedOne(postmark, documented.delivery).occurredAt, Date.UTC(2014, 7, 1, 17, 28, 10, 273))
    assert.equal(parsedOne(postmark, documented.click).occurredAt, Date.UTC(2017, 9, 25, 15, 21, 11, 906))
  })

  for (const [Type, TypeCode, meaning] of bounceTypes) {
    it(`a bounce of type ${Type} (${TypeCode}) is ${meaning}`, () => {
      const { type, bounce, recipient } = parsedOne(postmark, { ...documented.hardBounce, Type, TypeCode })
      const isBounce = ['hard', 'soft', 'refused'].includes(meaning)
      assert.equal(type, isBounce ? 'bounced' : meaning)
      assert.equal(bounce?.class ?? null, isBounce ? (meaning === 'hard' ? 'hard' : 'soft') : null)
      assert.equal(recipient, meaning === 'refused' ? null : 'bounce@example.com')
    })
  }

  it('have IDs that stay the same when they come again, and differ when something else happened', () => {
    const idOf = (record: object) => parsedOne(postmark, record).id
    for (const record of Object.values(documented).filter(({ MessageID }) => !MessageID.startsWith('0000'))) {
      assert.equal(idOf({ ...record, Geo: { IP: '1.2.3.4' } }), idOf(record))
    }
    assert.notEqual(idOf({ ...documented.open, ReceivedAt: '2016-04-27T16:21:42Z' }), idOf(documented.open))
    assert.notEqual(idOf({ ...documented.click, OriginalLink: 'https://example.com/' }), idOf(documented.click))
    assert.notEqual(idOf({ ...documented.hardBounce, ID: 1 }), idOf(documented.hardBounce))
  })

  it('about no email are none', () => {
    assert.deepEqual(parsed(postmark, documented.suppressedByHand), [])
    assert.deepEqual(parsed(postmark, { ...documented.subscriptionChange, MessageID: null }), [])
  })

  it('of emails that came in are refused, since the webhook is set up wrongly', () => {
    assert.throws(() => parsed(postmark, { RecordType: 'Inbound', MessageID: 'x' }), /inbound email/)
  })
})
