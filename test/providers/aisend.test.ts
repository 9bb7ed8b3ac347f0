import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { providerEventTypes } from '../../src/domain/events.ts'
import { aisend, signAisend } from '../../src/providers/aisend.ts'
import { InvalidEventError } from '../../src/providers/provider.ts'

const receivedAt = Date.UTC(2026, 10, 24, 12)
const parse = (body: unknown) => {
  const [event] = aisend.parse(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), receivedAt)
  assert.ok(event)
  return event
}
const header = (signature: string) => ({ 'x-webhook-signature': signature })

describe('AISend’s signature', () => {
  const body = Buffer.from('{"type":"sent"}')
  const hex = signAisend(body, 'right')

  it('is known from RFC 4231: test case 2', () => {
    const expected = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'
    assert.equal(signAisend('what do ya want for nothing?', 'Jefe'), expected)
  })

  it('is accepted in hex or base64, with or without sha256=, from any of several secrets', () => {
    const base64 = Buffer.from(hex, 'hex').toString('base64')
    for (const signature of [
      hex,
      hex.toUpperCase(),
      `sha256=${hex}`,
      base64,
      `sha256=${base64}`,
      base64.replace('=', ''),
    ]) {
      assert.ok(aisend.verify(body, header(signature), ['right']), signature)
      assert.ok(aisend.verify(body, header(signature), ['old', 'right', 'next']), signature)
    }
  })

  it('is refused when it is missing, repeated, of another secret, or of other bytes', () => {
    assert.ok(!aisend.verify(body, {}, ['right']))
    assert.ok(!aisend.verify(body, header(hex), ['wrong']))
    assert.ok(!aisend.verify(body, header(hex), []))
    assert.ok(!aisend.verify(Buffer.from('{"type":"sent"} '), header(hex), ['right']))
    assert.ok(!aisend.verify(body, header(`${hex}, ${hex}`), ['right']))
  })

  it('never throws, whatever the header holds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[0-9a-f]{0,70}$/)), (signature) => {
        assert.equal(aisend.verify(body, header(signature), ['right']), signature === hex)
      }),
    )
  })
})

describe('AISend’s events', () => {
  for (const type of providerEventTypes) {
    it(`${type}: are read flat or nested, with or without the email. prefix`, () => {
      const created_at = '2026-11-24T11:59:58.250Z'
      const expected = { id: 'evt_1', emailId: 'em_1', type, occurredAt: Date.parse(created_at), receivedAt }
      const forms = [
        { id: 'evt_1', type: `email.${type}`, created_at, data: { email_id: 'em_1' } },
        { id: 'evt_1', type, created_at, data: { id: 'em_1' } },
        { event_id: 'evt_1', event: type, timestamp: created_at, email_id: 'em_1' },
        { eventId: 'evt_1', type, timestamp: Date.parse(created_at), emailId: 'em_1', metadata: {} },
      ]
      for (const form of forms) {
        const { id, emailId, type: readType, occurredAt, receivedAt: heardAt } = parse(form)
        assert.deepEqual({ id, emailId, type: readType, occurredAt, receivedAt: heardAt }, expected)
      }
    })
  }

  it('without an ID get the SHA-256 of the raw body as theirs', () => {
    const body = '{ "type":"sent", "email_id":"em_1" }'
    assert.equal(parse(body).id, createHash('sha256').update(body).digest('hex'))
  })

  it('of unknown types are kept under the provider’s own word', () => {
    assert.equal(parse({ type: 'email.delivery_delayed', email_id: 'em_1' }).type, 'delivery_delayed')
  })

  it('name the one recipient they are about, in lower case', () => {
    const about = (data: object) => parse({ type: 'bounced', data: { email_id: 'em_1', ...data } }).recipient
    assert.equal(about({ to: ['Ada <Ada@Example.com>'] }), 'ada@example.com')
    assert.equal(about({ to: 'ada@example.com' }), 'ada@example.com')
    assert.equal(about({ to: [{ email: 'ada@example.com' }] }), 'ada@example.com')
    assert.equal(about({ to: ['ada@example.com', 'bob@example.com'], recipient: 'bob@example.com' }), 'bob@example.com')
    assert.equal(about({ to: ['ada@example.com', 'bob@example.com'] }), null)
    assert.equal(about({ recipient: 'nobody' }), null)
  })

  it('carry a bounce’s class, code and message, wherever they stand', () => {
    const bounce = (data: object) => parse({ type: 'bounced', data: { email_id: 'em_1', ...data } }).bounce
    assert.deepEqual(bounce({ bounce: { type: 'Permanent', code: '5.1.1', message: 'no such user' } }), {
      class: 'hard',
      code: '5.1.1',
      message: 'no such user',
    })
    assert.deepEqual(bounce({ bounce_type: 'soft', bounce_code: 452, reason: 'full' }), {
      class: 'soft',
      code: '452',
      message: 'full',
    })
    assert.deepEqual(bounce({ code: 'has spaces <ada@example.com>' }), { class: 'hard', code: null, message: null })
  })

  it('tell opens by machines from those by people', () => {
    const human = (user_agent: string) => parse({ type: 'opened', data: { email_id: 'em_1', user_agent } }).human
    assert.ok(human('Mozilla/5.0 (Macintosh)'))
    assert.ok(!human('GoogleImageProxy'))
  })

  const junk: [string, string | Buffer, RegExp][] = [
    ['nothing', '', /not JSON/],
    ['null', 'null', /not a JSON object/],
    ['an array', '[{"type":"sent","email_id":"x"}]', /not a JSON object/],
    ['a number', '42', /not a JSON object/],
    ['broken UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), /not UTF-8/],
    ['a NUL byte', Buffer.from([0]), /not JSON/],
    ['only a prototype', '{"__proto__":{"type":"sent","email_id":"x"}}', /no type/],
    ['no email ID', '{"type":"sent"}', /no email ID/],
    ['an empty email ID', '{"type":"sent","email_id":" "}', /email ID is empty/],
    ['an object as email ID', '{"type":"sent","email_id":{}}', /email ID is not text/],
    ['a NUL in the email ID', '{"type":"sent","email_id":"a\\u0000"}', /email ID holds control/],
    [
      'half a surrogate pair in the event ID',
      '{"id":"\\ud800","type":"sent","email_id":"x"}',
      /event ID holds control/,
    ],
    [
      'a body nested without end',
      `{"type":"sent","email_id":"x","more":${'['.repeat(9_000)}${']'.repeat(9_000)}}`,
      /nested/,
    ],
    ['an endless email ID', JSON.stringify({ type: 'sent', email_id: 'x'.repeat(256) }), /longer than 255/],
    ['a time that is none', '{"type":"sent","email_id":"x","timestamp":"yesterday"}', /no time/],
    ['a time in another age', '{"type":"sent","email_id":"x","timestamp":1e300}', /no time/],
  ]
  for (const [what, body, message] of junk) {
    it(`that are ${what} are refused with a reason`, () => {
      assert.throws(
        () => aisend.parse(Buffer.from(body as string), receivedAt),
        (error) => error instanceof InvalidEventError && message.test(error.message),
      )
    })
  }

  it('are parsed or refused with InvalidEventError, whatever JSON they are', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom('id', 'type', 'email_id', 'data', 'to', 'bounce', 'timestamp', '__proto__'),
          fc.jsonValue(),
        ),
        (body) => {
          try {
            assert.equal(aisend.parse(Buffer.from(JSON.stringify(body)), receivedAt).length, 1)
          } catch (error) {
            assert.ok(error instanceof InvalidEventError, String(error))
          }
        },
      ),
      { numRuns: 3_000 },
    )
  })
})
