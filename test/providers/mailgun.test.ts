import assert from 'node:assert/strict'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { signMailgun } from '../../src/providers/mailgun/sample.ts'
import { createMailgun } from '../../src/providers/mailgun/webhook.ts'
import { outcomeOf, parsed, parsedOne, receivedAt, tokensInMemory } from './adapter.ts'
import { documented } from './fixtures/mailgun.ts'

const key = 'key-of-the-tests'
const body = JSON.stringify(documented.delivered)

describe('the signature of Mailgun', () => {
  const verifyAt = (at: number, request: string, tokens = tokensInMemory()) =>
    createMailgun({ tokens, clock: () => at }).verify(Buffer.from(request), {}, ['another', key])

  it('is the HMAC of timestamp and token', async () => {
    // Made by `openssl dgst -sha256 -hmac key-of-the-tests` over the two texts.
    const signature = { timestamp: '1534108637', token: '651869375b9df3c98fc15c4889b102119add1235c38fc92824' }
    const hex = '5819475098d77462e2d7c719cbdbe34c134c557a8bcfc63cd2cf1d1bd8a81b72'
    const request = JSON.stringify({ signature: { ...signature, signature: hex }, 'event-data': documented.delivered })
    assert.equal(await verifyAt(1_534_108_637_000, request), true)
    assert.equal(await verifyAt(1_534_108_637_000, request.replace(hex, `7${hex.slice(1)}`)), false)
    assert.equal(await verifyAt(1_534_108_637_000, request.replace('"1534108637"', '"1534108638"')), false)
  })

  it('is refused when its timestamp is older than 9 hours, or comes from the future', async () => {
    const { body: request } = signMailgun(body, key, receivedAt)
    const hour = 3_600_000
    for (const [passed, expected] of [
      [0, true],
      [9 * hour - 1_000, true],
      [9 * hour + 1_000, false],
      [-4 * 60_000, true],
      [-6 * 60_000, false],
    ] as const) {
      assert.equal(await verifyAt(receivedAt + passed, request), expected, `${passed} ms later`)
    }
  })

  it('is accepted for one event: a repeat is accepted in any notation, another event with the same token is refused', async () => {
    const tokens = tokensInMemory()
    const { body: request } = signMailgun(body, key, receivedAt)
    const { signature, 'event-data': data } = JSON.parse(request)
    const rewritten = JSON.stringify({ 'event-data': { ...data, tags: ['x'] }, signature }, null, 2)
    assert.equal(await verifyAt(receivedAt, request, tokens), true)
    assert.equal(await verifyAt(receivedAt, rewritten, tokens), true)
    for (const changed of [{ id: 'forged' }, { timestamp: data.timestamp + 86_400 }, { id: undefined }]) {
      const forged = JSON.stringify({ signature, 'event-data': { ...data, ...changed } })
      assert.equal(await verifyAt(receivedAt, forged, tokens), false, JSON.stringify(changed))
    }
    assert.equal(await verifyAt(receivedAt, request, tokens), true)
  })

  it('does not use up the token of a forged request', async () => {
    const tokens = tokensInMemory()
    const { body: request } = signMailgun(body, key, receivedAt)
    const forged = signMailgun(body, 'guessed', receivedAt).body.replace(documented.delivered.id, 'forged')
    assert.equal(await verifyAt(receivedAt, forged, tokens), false)
    assert.equal(await verifyAt(receivedAt, request, tokens), true)
  })

  it('is refused when the body has none', async () => {
    const parts = ['{}', '', '[]', '{"signature":1}', '{"signature":{"token":"t","timestamp":"1"}}', '\u0000']
    for (const request of parts) assert.equal(await verifyAt(receivedAt, request), false, request)
  })
})

describe('the events of Mailgun', () => {
  const mailgun = createMailgun({ tokens: tokensInMemory(), clock: Date.now })
  const parseData = (data: unknown) => parsedOne(mailgun, { 'event-data': data })
  const about = { recipient: 'recipient@example.com' }
  const expected: Record<keyof typeof documented, object> = {
    accepted: { type: 'queued', ...about },
    delivered: { type: 'delivered', ...about },
    permanent: { type: 'bounced', recipient: 'invalid@example.com', bounce: 'hard 5.1.1 bounced' },
    temporary: { type: 'bounced', recipient: 'undeliverable@nomx.example.com', bounce: 'soft 498 deferred' },
    rejected: { type: 'bounced', recipient: 'recipient@example.org', bounce: 'soft null failed' },
    complained: { type: 'complained', ...about },
    unsubscribed: { type: 'unsubscribed', ...about },
    opened: { type: 'opened', ...about, human: true },
    clicked: { type: 'clicked', ...about, human: true },
  }
  for (const [name, data] of Object.entries(documented)) {
    it(`${name}: is mapped to our event, with the message-id header as email ID`, () => {
      const event = parseData(data)
      assert.deepEqual(outcomeOf(event), expected[name as keyof typeof documented])
      assert.equal(event.emailId, data.message.headers['message-id'])
      assert.equal(event.occurredAt, Math.round(data.timestamp * 1_000))
    })
  }

  it('have the same email ID with and without angle brackets', () => {
    const message = { headers: { 'message-id': '<2013@example.org>' } }
    assert.equal(parseData({ ...documented.delivered, message }).emailId, '2013@example.org')
  })

  it('have IDs that include the day, since Mailgun reuses IDs on other days', () => {
    const today = parseData(documented.delivered).id
    assert.equal(parseData({ ...documented.delivered, timestamp: documented.delivered.timestamp + 60 }).id, today)
    assert.notEqual(
      parseData({ ...documented.delivered, timestamp: documented.delivered.timestamp + 86_400 }).id,
      today,
    )
  })

  it('are judged by severity, reason and reply', () => {
    const outcome = (reason: string, status: object, severity = 'permanent') =>
      judgeBounce(parseData({ ...documented.permanent, severity, reason, 'delivery-status': status }).bounce).outcome
    assert.equal(outcome('suppress-bounce', { code: 605 }), 'bounced')
    assert.equal(outcome('suppress-complaint', { code: 607 }), 'bounced')
    assert.equal(outcome('suppress-unsubscribe', { code: 606 }), 'failed')
    assert.equal(outcome('old', { code: 602, message: 'Too old' }), 'failed')
    assert.equal(outcome('espblock', { code: 550, 'enhanced-code': '5.7.1' }), 'failed')
    assert.equal(outcome('generic', { code: 550, 'enhanced-code': '5.1.1' }), 'bounced')
    assert.equal(outcome('bounce', { code: 552, 'bounce-type': 'soft' }), 'failed')
    assert.equal(outcome('generic', { code: 550, message: 'no such user' }, 'temporary'), 'deferred')
  })

  it('carry tags, the receiving host, the response to a delivered email, and the list of an unsubscribe', () => {
    const status = { ...documented.permanent['delivery-status'], 'mx-host': 'mx.example.com' }
    const failed = parseData({ ...documented.permanent, tags: ['news'], 'delivery-status': status })
    assert.deepEqual([failed.tags, failed.bounce?.host], [['news'], 'mx.example.com'])
    assert.equal(parseData(documented.delivered).response, '250 OK')
    const list = { address: 'list@example.org', 'list-id': 'list.example.org' }
    assert.equal(parseData({ ...documented.unsubscribed, 'mailing-list': list }).list, 'list@example.org')
  })

  it('are not human when Mailgun marks a bot', () => {
    const { 'client-info': client } = documented.opened
    assert.equal(parseData({ ...documented.opened, 'client-info': { ...client, bot: 'apple' } }).human, false)
  })

  it('are stored without the signature', () => {
    const { body: request } = signMailgun(body, key, receivedAt)
    const [event] = mailgun.parse(Buffer.from(request), receivedAt, {})
    assert.deepEqual(JSON.parse(event?.payload ?? ''), documented.delivered)
  })

  it('of the legacy, form-encoded webhooks are refused', () => {
    assert.throws(() => mailgun.parse(Buffer.from('event=delivered&token=x'), receivedAt, {}), /not JSON/)
    assert.throws(() => parsed(mailgun, { event: 'delivered' }), /no event-data/)
  })
})
