import assert from 'node:assert/strict'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { lettermint } from '../../src/providers/lettermint/webhook.ts'
import { outcomeOf, parsed, parsedOne } from './adapter.ts'
import { aboutNoEmail, documented, signed } from './fixtures/lettermint.ts'

describe('the requests of Lettermint', () => {
  const now = Date.now
  afterEach(() => {
    Date.now = now
  })
  const verify = (body: string, secrets: string[]) =>
    lettermint.verify(Buffer.from(body), { 'x-lettermint-signature': signed.header }, secrets)

  it('are verified by an HMAC of time and body, in hex', () => {
    Date.now = () => signed.timestamp * 1_000
    assert.ok(verify(signed.body, ['another', signed.secret]))
    assert.ok(!verify(`${signed.body} `, [signed.secret]))
    assert.ok(!verify(signed.body, ['another']))
  })

  it('are refused when they are older than 5 minutes', () => {
    Date.now = () => signed.timestamp * 1_000 + 300_001
    assert.ok(!verify(signed.body, [signed.secret]))
  })
})

describe('the events of Lettermint', () => {
  const about = { recipient: 'user@example.com' }
  const expected: Record<keyof typeof documented, object> = {
    created: { type: 'queued', recipient: null },
    sent: { type: 'sent', ...about },
    delivered: { type: 'delivered', ...about },
    hardBounced: { type: 'bounced', ...about, bounce: 'hard 5.1.1 bounced' },
    softBounced: { type: 'bounced', ...about, bounce: 'soft 450 deferred' },
    failed: { type: 'bounced', ...about, bounce: 'soft 500 failed' },
    suppressed: { type: 'bounced', ...about, bounce: 'hard null bounced' },
    policyRejected: { type: 'bounced', recipient: null, bounce: 'soft null failed' },
    spamComplaint: { type: 'complained', ...about },
    unsubscribed: { type: 'unsubscribed', ...about },
    opened: { type: 'opened', ...about, human: true },
    clicked: { type: 'clicked', ...about, human: false },
  }
  for (const [name, body] of Object.entries(documented)) {
    it(`${name}: is mapped to our event`, () => {
      const event = parsedOne(lettermint, body)
      assert.deepEqual(outcomeOf(event), expected[name as keyof typeof documented])
      assert.deepEqual(
        [event.id, event.emailId],
        ['54d7e8c9-1195-4ba0-9d3f-b9af92305add', 'f47ac10b-58cc-4372-a567-0e02b2c3d479'],
      )
      assert.deepEqual([event.tags, event.externalId, event.metadata], [['welcome'], 'order-1', { user_id: '123' }])
      assert.equal(event.occurredAt, Date.UTC(2025, 7, 8, 20, 14))
    })
  }

  it('name all recipients when the message is created, and its subject', () => {
    const { to, subject } = parsedOne(lettermint, documented.created)
    assert.deepEqual([to, subject], [['user@example.com', 'cc@example.com', 'bcc@example.com'], 'Welcome to Acme'])
  })

  it('carry the response to a delivered email', () => {
    assert.match(parsedOne(lettermint, documented.delivered).response ?? '', /^250 2\.0\.0 OK {2}1640705112/)
  })

  it('may have their time as `timestamp`, as in Lettermint’s libraries', () => {
    const { created_at: timestamp, ...envelope } = documented.sent
    const event = parsedOne(lettermint, { ...envelope, timestamp })
    assert.equal(event.occurredAt, Date.UTC(2025, 7, 8, 20, 14))
  })

  it('that never reached a receiver are judged by Lettermint’s words', () => {
    const judged = (body: object) => judgeBounce(parsedOne(lettermint, body).bounce)
    assert.deepEqual(
      [judged(documented.failed).reason, judged(documented.failed).party],
      ['provider_refused', 'provider'],
    )
    assert.deepEqual([judged(documented.policyRejected).reason], ['spam_content'])
    assert.deepEqual(
      [judged(documented.suppressed).reason, judged(documented.suppressed).party],
      ['provider_refused', 'recipient'],
    )
  })

  it('about tests, suppressions and inbound emails are dropped', () => {
    for (const body of aboutNoEmail) assert.deepEqual(parsed(lettermint, body), [], body.event)
  })

  it('without an ID are refused', () => {
    assert.throws(() => parsed(lettermint, { ...documented.sent, id: null }), /no id/)
  })
})
