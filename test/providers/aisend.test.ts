import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { providerEventTypes } from '../../src/domain/events.ts'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { aisendSignature } from '../../src/providers/aisend/sample.ts'
import { aisend } from '../../src/providers/aisend/webhook.ts'
import { InvalidEventError } from '../../src/providers/provider.ts'

const receivedAt = Date.UTC(2026, 10, 24, 12)
const parse = (body: unknown) => {
  const [event] = aisend.parse(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), receivedAt)
  assert.ok(event)
  return event
}
const header = (signature: string) => ({ 'x-webhook-signature': signature })

describe('the signature of AISend', () => {
  const body = Buffer.from('{"type":"sent"}')
  const hex = aisendSignature(body, 'right')

  it('matches RFC 4231, test case 2', () => {
    const expected = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'
    assert.equal(aisendSignature('what do ya want for nothing?', 'Jefe'), expected)
  })

  it('is accepted in hex or base64, with or without sha256=, with any of several secrets', () => {
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

  it('is refused when it is missing, repeated, made with another secret, or made for other bytes', () => {
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

describe('the events of AISend', () => {
  for (const type of providerEventTypes) {
    it(`of type ${type} are parsed flat or nested, with or without the email. prefix`, () => {
      const created_at = '2026-11-24T11:59:58.250Z'
      const expected = { id: 'evt_1', emailId: 'em_1', type, occurredAt: Date.parse(created_at), receivedAt }
      const forms = [
        { id: 'evt_1', type: `email.${type}`, created_at, data: { email_id: 'em_1' } },
        { id: 'evt_1', type, created_at, data: { id: 'em_1' } },
        { event_id: 'evt_1', event: type, timestamp: created_at, email_id: 'em_1' },
        { eventId: 'evt_1', type, timestamp: Date.parse(created_at), emailId: 'em_1', metadata: {} },
      ]
      for (const form of forms) {
        const { id, emailId, type: readType, occurredAt, receivedAt: at } = parse(form)
        assert.deepEqual({ id, emailId, type: readType, occurredAt, receivedAt: at }, expected)
      }
    })
  }

  it('without an ID get the SHA-256 of the raw body as ID', () => {
    const body = '{ "type":"sent", "email_id":"em_1" }'
    assert.equal(parse(body).id, createHash('sha256').update(body).digest('hex'))
  })

  it('of unknown types are stored under the provider’s own type', () => {
    assert.equal(parse({ type: 'email.delivery_delayed', email_id: 'em_1' }).type, 'delivery_delayed')
  })

  it('name their recipient in lower case', () => {
    const about = (data: object) => parse({ type: 'bounced', data: { email_id: 'em_1', ...data } }).recipient
    assert.equal(about({ to: ['Ada <Ada@Example.com>'] }), 'ada@example.com')
    assert.equal(about({ to: 'ada@example.com' }), 'ada@example.com')
    assert.equal(about({ to: [{ email: 'ada@example.com' }] }), 'ada@example.com')
    assert.equal(about({ to: ['ada@example.com', 'bob@example.com'], recipient: 'bob@example.com' }), 'bob@example.com')
    assert.equal(about({ to: ['ada@example.com', 'bob@example.com'] }), null)
    assert.equal(about({ recipient: 'nobody' }), null)
  })

  it('carry class, code and message of a bounce from any of the accepted fields', () => {
    const bounce = (data: object) => parse({ type: 'bounced', data: { email_id: 'em_1', ...data } }).bounce
    assert.deepEqual(bounce({ bounce: { type: 'Permanent', code: '5.1.1', message: 'no such user' } }), {
      ...{ class: 'hard', code: '5.1.1', message: 'no such user' },
      ...{ word: 'Permanent', subWord: null, host: null, isOver: true },
    })
    assert.deepEqual(bounce({ bounce_type: 'soft', bounce_code: 452, reason: 'full' }), {
      ...{ class: 'soft', code: '452', message: 'full' },
      ...{ word: 'soft', subWord: null, host: null, isOver: false },
    })
    assert.deepEqual(bounce({ code: 'has spaces <ada@example.com>' }), {
      ...{ class: 'hard', code: null, message: null },
      ...{ word: 'bounced', subWord: null, host: null, isOver: true },
    })
    assert.deepEqual(
      [
        bounce({ status: 'bounced' })?.code,
        bounce({ message: 'host mx[192.4.12.30] said: 550 5.1.1 no such user' })?.code,
      ],
      [null, '5.1.1'],
    )
    const further = { bounce_sub_type: 'general', mx_host: 'mx.example.com' }
    assert.deepEqual([bounce(further)?.subWord, bounce(further)?.host], ['general', 'mx.example.com'])
  })

  it('of type bounced are over unless class or code say that AISend still tries, and held against the recipient unless the text says otherwise', () => {
    const outcome = (data: object) =>
      judgeBounce(parse({ type: 'bounced', data: { email_id: 'em_1', ...data } }).bounce).outcome
    for (const [expected, ...forms] of [
      [
        'bounced',
        {},
        { bounce_type: 'hard' },
        { bounce_type: 'hard', message: 'gone' },
        { message: '550 no such user' },
        { code: '5.1.1' },
      ],
      [
        'failed',
        { message: '550 5.7.26 Unauthenticated email' },
        { code: '5.2.2' },
        { code: 552 },
        { message: '552 Mailbox full' },
        { bounce_type: 'blocked' },
      ],
      [
        'deferred',
        { bounce_type: 'soft' },
        { bounce_type: 'Transient', code: '5.1.1' },
        { code: '4.2.2' },
        { message: '452 4.2.2 Mailbox full' },
      ],
      ['none', { message: 'Out of office reply' }],
    ] as const) {
      for (const form of forms) assert.equal(outcome(form), expected, JSON.stringify(form))
    }
  })

  it('carry tags, the schedule of a queued email, the response to a delivered one and the list of an unsubscribe', () => {
    const of = (type: string, data: object) => parse({ type, data: { email_id: 'em_1', ...data } })
    assert.deepEqual(of('sent', { tags: ['receipt', 'receipt', { name: 'team', value: 'blue' }] }).tags, [
      'receipt',
      'team:blue',
    ])
    assert.deepEqual(of('sent', { tags: { receipt: 'true', team: 'blue' } }).tags, ['receipt', 'team:blue'])
    assert.equal(of('queued', { scheduled_at: '2026-12-01 10:00:00' }).scheduledFor, Date.UTC(2026, 11, 1, 10))
    assert.equal(of('delivered', { response: '250 OK' }).response, '250 OK')
    assert.equal(of('email.unsubscribed', { list: 'news' }).list, 'news')
  })

  it('distinguish opens by machines from opens by persons', () => {
    const human = (user_agent: string) => parse({ type: 'opened', data: { email_id: 'em_1', user_agent } }).human
    assert.ok(human('Mozilla/5.0 (Macintosh)'))
    assert.ok(!human('GoogleImageProxy'))
  })

  const invalid: [string, string | Buffer, RegExp][] = [
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
  ]
  for (const [what, body, message] of invalid) {
    it(`that consist of ${what} are refused with a reason`, () => {
      assert.throws(
        () => aisend.parse(Buffer.from(body as string), receivedAt),
        (error) => error instanceof InvalidEventError && message.test(error.message),
      )
    })
  }

  it('are parsed or refused with InvalidEventError, for any JSON', () => {
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
