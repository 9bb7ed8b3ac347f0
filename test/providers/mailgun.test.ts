import assert from 'node:assert/strict'
import { createMailgun, signMailgun } from '../../src/providers/mailgun.ts'
import { parsed, parsedOne, receivedAt, tokensInMemory, told } from './adapter.ts'
import { documented } from './fixtures/mailgun.ts'

const key = 'key-of-the-tests'
const body = JSON.stringify(documented.delivered)

describe('Mailgun’s signature', () => {
  const verifyAt = (at: number, request: string, tokens = tokensInMemory()) =>
    createMailgun({ tokens, clock: () => at }).verify(Buffer.from(request), {}, ['another', key])

  it('is the HMAC of timestamp and token, which none but its key makes', async () => {
    // By `openssl dgst -sha256 -hmac key-of-the-tests` over the two texts.
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
    for (const [passed, wanted] of [
      [0, true],
      [9 * hour - 1_000, true],
      [9 * hour + 1_000, false],
      [-4 * 60_000, true],
      [-6 * 60_000, false],
    ] as const) {
      assert.equal(await verifyAt(receivedAt + passed, request), wanted, `${passed} ms later`)
    }
  })

  it('is good for one event: the same again is taken, however it is written; another with the same token is refused', async () => {
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

  it('does not use up the token of a request that is not genuine', async () => {
    const tokens = tokensInMemory()
    const { body: request } = signMailgun(body, key, receivedAt)
    const forged = signMailgun(body, 'guessed', receivedAt).body.replace(documented.delivered.id, 'forged')
    assert.equal(await verifyAt(receivedAt, forged, tokens), false)
    assert.equal(await verifyAt(receivedAt, request, tokens), true)
  })

  it('is missing from whatever else comes', async () => {
    const parts = ['{}', '', '[]', '{"signature":1}', '{"signature":{"token":"t","timestamp":"1"}}', '\u0000']
    for (const request of parts) assert.equal(await verifyAt(receivedAt, request), false, request)
  })
})

describe('Mailgun’s events', () => {
  const mailgun = createMailgun({ tokens: tokensInMemory(), clock: Date.now })
  const parseData = (data: unknown) => parsedOne(mailgun, { 'event-data': data })
  const about = { recipient: 'recipient@example.com' }
  const expected: Record<keyof typeof documented, object> = {
    accepted: { type: 'queued', ...about },
    delivered: { type: 'delivered', ...about },
    permanent: { type: 'bounced', recipient: 'invalid@example.com', bounce: 'hard 5.1.1' },
    temporary: { type: 'bounced', recipient: null, bounce: 'soft 498' },
    rejected: { type: 'bounced', recipient: null, bounce: 'soft null' },
    complained: { type: 'complained', ...about },
    unsubscribed: { type: 'unsubscribed', ...about },
    opened: { type: 'opened', ...about, human: true },
    clicked: { type: 'clicked', ...about, human: true },
  }
  for (const [name, data] of Object.entries(documented)) {
    it(`${name}: become ours, of the email in the message-id header`, () => {
      const event = parseData(data)
      assert.deepEqual(told(event), expected[name as keyof typeof documented])
      assert.equal(event.emailId, data.message.headers['message-id'])
      assert.equal(event.occurredAt, Math.round(data.timestamp * 1_000))
    })
  }

  it('are of the same email with and without angle brackets around its ID', () => {
    const message = { headers: { 'message-id': '<2013@example.org>' } }
    assert.equal(parseData({ ...documented.delivered, message }).emailId, '2013@example.org')
  })

  it('have IDs of their day, since Mailgun repeats them on other days', () => {
    const today = parseData(documented.delivered).id
    assert.equal(parseData({ ...documented.delivered, timestamp: documented.delivered.timestamp + 60 }).id, today)
    assert.notEqual(
      parseData({ ...documented.delivered, timestamp: documented.delivered.timestamp + 86_400 }).id,
      today,
    )
  })

  it('suppress nobody for what is not the recipient’s', () => {
    const outcome = (reason: string, status: object) => {
      const data = { ...documented.permanent, reason, 'delivery-status': status }
      const { recipient, bounce } = parseData(data)
      return [recipient !== null, bounce?.class]
    }
    assert.deepEqual(outcome('suppress-bounce', { code: 605 }), [true, 'hard'])
    assert.deepEqual(outcome('suppress-complaint', { code: 607 }), [true, 'hard'])
    assert.deepEqual(outcome('suppress-unsubscribe', { code: 606 }), [false, 'soft'])
    assert.deepEqual(outcome('old', { code: 602, message: 'Too old' }), [false, 'soft'])
    assert.deepEqual(outcome('espblock', { code: 550, 'enhanced-code': '5.7.1' }), [false, 'soft'])
    assert.deepEqual(outcome('generic', { code: 550, 'enhanced-code': '5.1.1' }), [true, 'hard'])
    assert.deepEqual(outcome('bounce', { code: 552, 'bounce-type': 'soft' }), [true, 'soft'])
  })

  it('tell machines that Mailgun knows', () => {
    const { 'client-info': client } = documented.opened
    assert.equal(parseData({ ...documented.opened, 'client-info': { ...client, bot: 'apple' } }).human, false)
  })

  it('are stored without the signature', () => {
    const { body: request } = signMailgun(body, key, receivedAt)
    const [event] = mailgun.parse(Buffer.from(request), receivedAt, {})
    assert.deepEqual(JSON.parse(event?.payload ?? ''), documented.delivered)
  })

  it('of the old, form-encoded webhooks are refused', () => {
    assert.throws(() => mailgun.parse(Buffer.from('event=delivered&token=x'), receivedAt, {}), /not JSON/)
    assert.throws(() => parsed(mailgun, { event: 'delivered' }), /no event-data/)
  })
})
