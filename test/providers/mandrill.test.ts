import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { mandrillProof } from '../../src/providers/mandrill/proof.ts'
import { mandrill } from '../../src/providers/mandrill/webhook.ts'
import { outcomeOf, receivedAt } from './adapter.ts'
import { aboutNoEmail, documented, signed } from './fixtures/mandrill.ts'

const formOf = (events: string) => Buffer.from(new URLSearchParams({ mandrill_events: events }).toString())
const parsed = (...events: unknown[]): ReceivedEvent[] => mandrill.parse(formOf(JSON.stringify(events)), receivedAt, {})
const parsedOne = (event: unknown): ReceivedEvent => {
  const [first, ...others] = parsed(event)
  assert.ok(first && others.length === 0)
  return first
}

describe('the requests of Mailchimp Transactional', () => {
  const secret = `${signed.key}=${signed.url}`
  const headers = { 'x-mandrill-signature': signed.signature }
  const another = 'another-key-of-22-characters=https://example.com/hook'

  it('are accepted as Mandrill has signed them, with any of several secrets', () => {
    assert.ok(mandrill.verify(formOf(signed.events), headers, [secret]))
    assert.ok(mandrill.verify(formOf(signed.events), headers, [another, secret]))
    assert.ok(mandrill.verify(formOf(signed.events), headers, [secret, another]))
  })

  it('are refused with another key, URL, signature or form', () => {
    const verify = (form: Buffer, signature: unknown, secrets: string[]) =>
      mandrill.verify(form, { 'x-mandrill-signature': signature as string }, secrets)
    const form = formOf(signed.events)
    assert.ok(!verify(form, signed.signature, [another]))
    assert.ok(!verify(form, signed.signature, [`${secret}/`]))
    assert.ok(!verify(form, signed.signature, []))
    for (const signature of [undefined, '', 'x', signed.signature.slice(4), `${signed.signature}AAAA`])
      assert.ok(!verify(form, signature, [secret]), String(signature))
    assert.ok(!verify(formOf(signed.events.replace('click', 'spam!')), signed.signature, [secret]))
    assert.ok(!verify(Buffer.concat([form, Buffer.from('&mandrill_events=[]')]), signed.signature, [secret]))
    assert.ok(!verify(Buffer.concat([form, Buffer.from('&a=b')]), signed.signature, [secret]))
    assert.ok(!verify(Buffer.from(signed.events), signed.signature, [secret]), 'not a form')
  })

  it('that ask whether the URL exists, signed with a key that everybody knows, are accepted without events only', () => {
    const signedByAnybody = (events: string) => ({
      'x-mandrill-signature': createHmac('sha1', 'test-webhook')
        .update(`${signed.url}mandrill_events${events}`)
        .digest('base64'),
    })
    assert.ok(mandrill.verify(formOf('[]'), signedByAnybody('[]'), [secret]))
    assert.deepEqual(parsed(), [])
    assert.ok(!mandrill.verify(formOf(signed.events), signedByAnybody(signed.events), [secret]))
    assert.ok(!mandrill.verify(formOf('[{}]'), signedByAnybody('[{}]'), [secret]))
  })

  it('need a secret of a key and a URL', () => {
    assert.ok(mandrillProof.accepts(secret))
    assert.ok(mandrillProof.accepts('ntynTMaFpM_octE5R1DKAw=https://user:password@example.com:8443/hook?a=b'))
    for (const value of [signed.key, signed.url, `${signed.key}=`, `${signed.key}=http://`, `=${signed.url}`])
      assert.ok(!mandrillProof.accepts(value), value)
  })

  it('that are not genuine are answered with what to check', () => {
    const explain = (body: Buffer, sent: Record<string, string>) => mandrill.explainRefusal?.(body, sent)?.detail
    assert.match(explain(formOf(signed.events), headers) ?? '', /the URL after it is to the letter/)
    assert.equal(explain(formOf(signed.events), {}), undefined)
    assert.equal(explain(Buffer.from('{}'), headers), undefined)
  })
})

describe('the events of Mailchimp Transactional', () => {
  const recipient = 'ada@example.com'
  const expected: Record<keyof typeof documented, object> = {
    send: { type: 'sent', recipient },
    delivered: { type: 'delivered', recipient },
    deferral: { type: 'bounced', recipient, bounce: 'soft 4.3.5 deferred' },
    hardBounce: { type: 'bounced', recipient, bounce: 'hard 5.1.1 bounced' },
    softBounce: { type: 'bounced', recipient, bounce: 'soft 5.2.2 failed' },
    invalidDomain: { type: 'bounced', recipient, bounce: 'soft null failed' },
    general: { type: 'bounced', recipient, bounce: 'soft 5.7.1 failed' },
    open: { type: 'opened', recipient, human: true },
    click: { type: 'clicked', recipient, human: true },
    openByRobot: { type: 'opened', recipient, human: false },
    spam: { type: 'complained', recipient },
    unsub: { type: 'unsubscribed', recipient },
    reject: { type: 'bounced', recipient, bounce: 'soft null failed' },
  }
  for (const [name, event] of Object.entries(documented)) {
    it(`${name}: is mapped to our event`, () => {
      const event_ = parsedOne(event)
      assert.deepEqual(outcomeOf(event_), expected[name as keyof typeof documented])
      assert.equal(event_.occurredAt, event.ts * 1_000)
    })
  }

  it('say whose fault a bounce is by its reply, else by the class of BoogieTools', () => {
    const judged = (event: object) => {
      const { reason, party } = judgeBounce(parsedOne(event).bounce)
      return `${reason} ${party}`
    }
    const ofClass = (bgtools_code: number) =>
      judged({
        ...documented.softBounce,
        msg: { ...documented.softBounce.msg, diag: '', bounce_description: '', bgtools_code },
      })
    assert.equal(judged(documented.general), 'relay_denied receiver')
    assert.equal(judged(documented.invalidDomain), 'unknown_domain recipient')
    assert.equal(judged(documented.reject), 'provider_refused unknown')
    assert.deepEqual([10, 22, 51, 52, 60].map(ofClass), [
      'unknown_recipient recipient',
      'mailbox_full recipient',
      'blocked_reputation sender',
      'spam_content sender',
      'automatic_reply recipient',
    ])
  })

  it('have the email’s ID, subject, tags, metadata, and the reply to a delivered email', () => {
    const { emailId, subject, tags, metadata, response } = parsedOne(documented.delivered)
    assert.deepEqual([emailId, subject], [documented.send._id, 'This an example webhook message'])
    assert.deepEqual([tags, metadata], [['webhook-example'], { user_id: '111' }])
    assert.equal(response, '250 2.0.0 OK 1427800855 s44si7119005yho.99 - gsmtp')
  })

  it('have the same ID in every repeat, and another ID for another event of the email', () => {
    const idOf = (event: object) => parsedOne(event).id
    // An email bounces once: `general` is another capture of a soft bounce.
    const { general, ...events } = documented
    assert.equal(idOf(general), idOf(documented.softBounce))
    const ids = Object.values(events).map(idOf)
    assert.equal(new Set(ids).size, ids.length)
    // What has happened since is in the email that an event names.
    for (const event of Object.values(documented))
      assert.equal(idOf({ ...event, msg: { ...event.msg, opens: [{ ts: 1 }], _version: 'later' } }), idOf(event))
    assert.notEqual(idOf({ ...documented.click, url: 'http://example.com' }), idOf(documented.click))
    for (const repeated of [documented.open, documented.deferral])
      assert.notEqual(idOf({ ...repeated, ts: 1384954005 }), idOf(repeated))
    // Mandrill's API does not answer the times of these.
    for (const once of [documented.delivered, documented.hardBounce, documented.spam])
      assert.equal(idOf({ ...once, ts: 1384954005 }), idOf(once))
    const toAnother = { ...documented.send, msg: { ...documented.send.msg, email: 'grace@example.com' } }
    assert.notEqual(idOf(toAnother), idOf(documented.send))
  })

  it('of a batch are stored each, and one that is unreadable is quarantined', () => {
    const found = parsed(documented.send, { event: 'open', ts: 1 }, documented.click)
    assert.deepEqual(
      found.map(({ type, quarantinedReason }) => quarantinedReason ?? type),
      ['sent', 'the event has no msg._id', 'clicked'],
    )
  })

  it('of lists, inbound emails and the dashboard’s test are about no email that was sent', () => {
    assert.deepEqual(parsed(...aboutNoEmail), [])
  })
})
