import assert from 'node:assert/strict'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { ahasend, ahasendProof } from '../../src/providers/ahasend/webhook.ts'
import { emailIdOf } from '../../src/providers/registry.ts'
import { outcomeOf, parsed, parsedOne, receivedAt } from './adapter.ts'
import { aboutNoEmail, documented, signed } from './fixtures/ahasend.ts'

describe('the requests of AhaSend', () => {
  const now = Date.now
  afterEach(() => {
    Date.now = now
  })
  const body = Buffer.from(signed.body)

  it('are verified as published, with the characters of the secret as the key', () => {
    Date.now = () => 1_730_057_863_000
    assert.ok(ahasend.verify(body, signed.headers, ['another-secret', signed.secret]))
    assert.ok(!ahasend.verify(body, signed.headers, [signed.secret.slice(1)]))
    assert.ok(!ahasend.verify(Buffer.from(`${signed.body} `), signed.headers, [signed.secret]))
  })

  it('are refused when they are old', () => {
    Date.now = () => 1_730_057_863_000 + 301_000
    assert.ok(!ahasend.verify(body, signed.headers, [signed.secret]))
  })

  it('take a secret whole, with its prefix', () => {
    const secret = 'aha-whsec-MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const { headers } = ahasendProof.sign(signed.body, secret, Date.now())
    assert.ok(ahasend.verify(body, headers, [secret]))
    assert.ok(!ahasend.verify(body, headers, [secret.replace('aha-whsec-', '')]))
  })

  it('have the signed ID, which is the same in every retry', () => {
    const [event] = ahasend.parse(body, receivedAt, signed.headers)
    assert.equal(event?.id, signed.headers['webhook-id'])
  })
})

describe('the events of AhaSend', () => {
  const about = { recipient: 'recipient@example.com' }
  const expected: Record<keyof typeof documented, object> = {
    reception: { type: 'queued', ...about },
    delivered: { type: 'delivered', ...about },
    transientError: { type: 'bounced', ...about, bounce: 'soft null deferred' },
    failed: { type: 'bounced', recipient: 'invalid@nonexistent-domain.com', bounce: 'soft null failed' },
    bounced: { type: 'bounced', ...about, bounce: 'hard null bounced' },
    suppressed: { type: 'bounced', recipient: 'bounced@example.com', bounce: 'hard null bounced' },
    opened: { type: 'opened', ...about, human: true },
    clicked: { type: 'clicked', ...about, human: true },
  }
  for (const [name, body] of Object.entries(documented)) {
    it(`${name}: is mapped to our event`, () => {
      const event = parsedOne(ahasend, body)
      assert.deepEqual(outcomeOf(event), expected[name as keyof typeof documented])
      assert.deepEqual(
        [event.emailId, event.subject, event.occurredAt],
        ['message-id-12345@localhost', 'Welcome to our service', Date.UTC(2024, 4, 6, 9, 49, 16, 687)],
      )
    })
  }

  it('by bots are a machine’s', () => {
    const { data, ...envelope } = documented.clicked
    assert.equal(parsedOne(ahasend, { ...envelope, data: { ...data, is_bot: true } }).human, false)
    assert.equal(parsedOne(ahasend, { ...envelope, data: { ...data, is_bot: '' } }).human, true)
  })

  it('for an address on AhaSend’s list are its refusal', () => {
    assert.equal(judgeBounce(parsedOne(ahasend, documented.suppressed).bounce).reason, 'provider_refused')
  })

  it('are of the email with that Message-ID, as the API answers it, else with AhaSend’s own ID', () => {
    assert.equal(emailIdOf('ahasend', '<message-id-12345@localhost>'), 'message-id-12345@localhost')
    const { data, ...envelope } = documented.delivered
    const without = parsedOne(ahasend, { ...envelope, data: { ...data, message_id_header: '' } })
    assert.equal(without.emailId, data.id)
  })

  it('about suppressions, domains and inbound emails are dropped', () => {
    for (const body of aboutNoEmail) assert.deepEqual(parsed(ahasend, body), [], body.type)
  })
})
