import assert from 'node:assert/strict'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { postal, postalProof } from '../../src/providers/postal/webhook.ts'
import { emailIdOf } from '../../src/providers/registry.ts'
import { outcomeOf, parsed, parsedOne } from './adapter.ts'
import { dnsError, documented, incoming, signed } from './fixtures/postal.ts'

describe('the requests of Postal', () => {
  const body = Buffer.from(signed.body)
  const [modern, old] = [{ 'x-postal-signature-256': signed.sha256 }, { 'x-postal-signature': signed.sha1 }]

  it('are verified by SHA-256, and by SHA-1 where an old Postal signs with that alone', () => {
    const another = postalProof.generateSecret().accepted
    for (const headers of [modern, old, { ...modern, ...old }]) {
      assert.ok(postal.verify(body, headers, [another, signed.publicKey]))
      assert.ok(!postal.verify(body, headers, [another]))
      assert.ok(!postal.verify(Buffer.concat([body, Buffer.from(' ')]), headers, [signed.publicKey]))
    }
  })

  it('are refused if the newer signature is wrong, whatever the old one is', () => {
    assert.ok(!postal.verify(body, { ...old, 'x-postal-signature-256': signed.sha1 }, [signed.publicKey]))
    assert.ok(!postal.verify(body, { 'x-postal-signature': signed.sha256 }, [signed.publicKey]))
  })

  it('need an RSA key', () => {
    assert.ok(postalProof.accepts(signed.publicKey))
    for (const value of ['', 'text', signed.publicKey.slice(0, 50)]) assert.ok(!postalProof.accepts(value), value)
  })
})

describe('the events of Postal', () => {
  const about = { recipient: 'test@example.com' }
  const expected: Record<keyof typeof documented, object> = {
    sent: { type: 'delivered', ...about },
    delayed: { type: 'bounced', ...about, bounce: 'soft 4.7.1 deferred' },
    refused: { type: 'bounced', ...about, bounce: 'hard 5.1.1 bounced' },
    exhausted: { type: 'bounced', ...about, bounce: 'soft null failed' },
    spam: { type: 'bounced', ...about, bounce: 'soft null failed' },
    unreachable: { type: 'bounced', ...about, bounce: 'soft null deferred' },
    suppressed: { type: 'bounced', ...about, bounce: 'soft null failed' },
    held: { type: 'bounced', ...about, bounce: 'soft null deferred' },
    bounced: { type: 'bounced', ...about, bounce: 'soft null failed' },
    clicked: { type: 'clicked', ...about, human: true },
    loaded: { type: 'opened', ...about, human: true },
  }
  for (const [name, body] of Object.entries(documented)) {
    it(`${name}: is mapped to our event`, () => {
      const event = parsedOne(postal, body)
      assert.deepEqual(outcomeOf(event), expected[name as keyof typeof documented])
      assert.deepEqual(
        [event.id, event.emailId, event.subject, event.tags],
        [
          ...['58e8d7ee-2cd5-4db2-9af3-3f436105795a', '5817a64332f44_4ec93ff59e79d154565eb@app34.mail'],
          ...['Welcome to AwesomeApp', ['welcome']],
        ],
      )
      assert.equal(
        event.occurredAt,
        'message' in body.payload && 'status' in body.payload ? 1_477_945_177_130 : timeOf(name),
      )
    })
  }

  /** Opens and clicks have no time of their own, a bounce that of its email. */
  const timeOf = (name: string): number => (name === 'bounced' ? 1_477_945_177_130 : 1_477_945_179_500)

  it('have reasons by what Postal says of itself', () => {
    const reasonOf = (body: object) => judgeBounce(parsedOne(postal, body).bounce)
    assert.equal(reasonOf(documented.exhausted).reason, 'timed_out')
    assert.equal(reasonOf(documented.spam).reason, 'spam_content')
    assert.equal(reasonOf(documented.unreachable).reason, 'connection_failed')
    assert.equal(reasonOf(documented.held).reason, 'provider_refused')
    assert.deepEqual(
      [reasonOf(documented.suppressed).reason, reasonOf(documented.suppressed).party],
      ['provider_refused', 'provider'],
      'Postal lists addresses after refusals that were the sender’s fault, too',
    )
  })

  it('carry the reply, the response to a delivery, and the host', () => {
    const { bounce } = parsedOne(postal, documented.refused)
    assert.deepEqual(
      [bounce?.message, bounce?.host],
      ['550 5.1.1 The email account that you tried to reach does not exist', 'mx.example.com'],
    )
    assert.match(parsedOne(postal, documented.sent).response ?? '', /^250 2\.0\.0 OK/)
  })

  it('are of the email with that Message-ID, in angle brackets or without', () => {
    assert.equal(emailIdOf('postal', '<a@rp.postal.example.com>'), 'a@rp.postal.example.com')
    const { message } = documented.loaded.payload as unknown as { message: object }
    const withId = (message_id: string | null) =>
      parsedOne(postal, { ...documented.loaded, payload: { message: { ...message, message_id } } }).emailId
    assert.deepEqual([withId('<a@b.example>'), withId(null)], ['a@b.example', 'abcdef123'])
  })

  it('about domains, limits and incoming emails are dropped', () => {
    for (const body of [dnsError, incoming, { ...dnsError, event: 'SendLimitExceeded' }]) {
      assert.deepEqual(parsed(postal, body), [])
    }
  })
})
