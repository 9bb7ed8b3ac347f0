import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { proofOf } from '../../src/providers/mapped/mapped-adapter.ts'
import type { Mapping } from '../../src/providers/mapped/mapping.ts'
import type { Proof } from '../../src/providers/proof.ts'

type Hmac = Exclude<Mapping['proof'], string>['hmac']

const proofWith = (hmac: Partial<Hmac> & { readonly header: string }): Proof =>
  proofOf({ proof: { hmac: { encoding: 'hex', prefix: '', ...hmac } } } as Mapping)

/** As their senders document them. */
const stripe = { header: 'Stripe-Signature', field: 'v1', timestampField: 't', content: '{timestamp}.{body}' }
const paddle = { header: 'Paddle-Signature', field: 'h1', timestampField: 'ts', content: '{timestamp}:{body}' }
const slack = {
  ...{ header: 'X-Slack-Signature', prefix: 'v0=', timestampHeader: 'X-Slack-Request-Timestamp' },
  content: 'v0:{timestamp}:{body}',
}
const linear = { header: 'Linear-Signature' }
const shopify = { header: 'X-Shopify-Hmac-Sha256', encoding: 'base64' as const }
const forms = [stripe, paddle, slack, linear, shopify]

/** The example of https://docs.slack.dev/authentication/verifying-requests-from-slack. */
const slackExample = {
  secret: '8f742231b10e8888abcd99yyyzzz85a5',
  timestamp: '1531420618',
  signature: 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  body:
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA' +
    '&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J' +
    '%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
}

describe('the proof of a mapped sender, an HMAC over a time and the body,', () => {
  const { now } = Date
  const signedAt = Number(slackExample.timestamp) * 1_000
  beforeEach(() => {
    Date.now = () => signedAt
  })
  afterEach(() => {
    Date.now = now
  })

  const mac = (text: string, secret = 'secret') => createHmac('sha256', secret).update(text).digest('hex')
  const seconds = slackExample.timestamp
  const verify = (proof: Proof, headers: Record<string, string>, body = '{}', secrets = ['secret']) =>
    proof.verify(Buffer.from(body), headers, secrets)

  it('accepts the signature that Slack publishes, and no other body', () => {
    const { secret, timestamp, signature, body } = slackExample
    const headers = { 'x-slack-request-timestamp': timestamp, 'x-slack-signature': signature }
    assert.equal(verify(proofWith(slack), headers, body, [secret]), true)
    assert.equal(verify(proofWith(slack), headers, `${body}&`, [secret]), false)
  })

  it('finds time and signatures in one header, in any order, of which one must be right', () => {
    const right = mac(`${seconds}.{}`)
    const others = [mac('another'), 'no-hex', '']
    for (const header of [
      `t=${seconds},v1=${right}`,
      `v1=${right}, t=${seconds}`,
      `t=${seconds},v1=${right},v1=${others[0]}`,
      `t=${seconds},v1=${others.join(',v1=')},v1=${right},v0=${others[0]}`,
    ]) {
      assert.equal(verify(proofWith(stripe), { 'stripe-signature': header }), true, header)
    }
    for (const header of ['', right, `t=${seconds}`, `v1=${right}`, `t=${seconds},v0=${right}`, `t=,v1=${right}`]) {
      assert.equal(verify(proofWith(stripe), { 'stripe-signature': header }), false, header)
    }
    assert.equal(verify(proofWith(paddle), { 'paddle-signature': `ts=${seconds};h1=${mac(`${seconds}:{}`)}` }), true)
  })

  it('reads a time in milliseconds', () => {
    const header = `t=${signedAt},v1=${mac(`${signedAt}.{}`)}`
    assert.equal(verify(proofWith(stripe), { 'stripe-signature': header }), true)
  })

  it('is valid for 5 minutes, or for as long as the mapping says', () => {
    const { headers } = proofWith(stripe).sign('{}', 'secret', signedAt)
    const at = (ageMs: number, toleranceSeconds?: number) => {
      Date.now = () => signedAt + ageMs
      return verify(proofWith({ ...stripe, ...(toleranceSeconds && { toleranceSeconds }) }), headers)
    }
    assert.deepEqual([at(300_000), at(-300_000), at(300_001), at(-300_001)], [true, true, false, false])
    assert.deepEqual([at(5_000, 5), at(5_001, 5), at(600_000, 3_600)], [true, false, true])
  })

  it('covers the bytes of the body, and not the text that they are read as', () => {
    const { headers } = proofWith(stripe).sign('\ufffd', 'secret', signedAt)
    assert.equal(proofWith(stripe).verify(Buffer.from('\ufffd'), headers, ['secret']), true)
    assert.equal(proofWith(stripe).verify(Buffer.from([0xff]), headers, ['secret']), false)
  })

  it('of any form accepts what it has signed with any of the secrets, and no other body, secret, time or signature', () => {
    const secrets = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 3 })
    const property = fc.property(
      ...([fc.constantFrom(...forms), fc.string({ unit: 'binary' }), secrets] as const),
      (form, body, [secret = '', ...more]) => {
        const proof = proofWith(form)
        const { headers } = proof.sign(body, secret, signedAt)
        const isAccepted = (given: Record<string, string>, text = body, keys = [secret]) =>
          proof.verify(Buffer.from(text), given, keys)
        assert.equal(isAccepted(headers, body, [...more, secret]), true)
        assert.equal(isAccepted(headers, `${body}x`), false)
        assert.equal(isAccepted(headers, body, more), false)
        assert.equal(
          isAccepted(changed(headers, /[\w+/]{43}/, (mac) => (mac[0] === '0' ? '1' : '0') + mac.slice(1))),
          false,
        )
        const hasTime = 'content' in form
        assert.equal(isAccepted(changed(headers, seconds, () => String(Number(seconds) + 1))), !hasTime)
      },
    )
    fc.assert(property, { numRuns: 200 })
  })

  const changed = (headers: Record<string, string>, part: string | RegExp, change: (text: string) => string) =>
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace(part, change)]))

  it('refuses any headers without failing', () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom(`t=${seconds}`, 'v1=', `v0=${'0'.repeat(64)}`, seconds, 'ts=1;h1=1'),
    )
    const names = ['stripe-signature', 'paddle-signature', 'x-slack-signature', 'x-slack-request-timestamp']
    const property = fc.property(
      fc.constantFrom(...forms),
      fc.dictionary(fc.constantFrom(...names), text),
      (form, headers) => {
        assert.equal(proofWith(form).verify(Buffer.from('{}'), headers, ['secret']), false)
      },
    )
    fc.assert(property, { numRuns: 200 })
  })
})
