import assert from 'node:assert/strict'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { mailjet } from '../../src/providers/mailjet/webhook.ts'
import { outcomeOf, parsed, parsedOne, receivedAt } from './adapter.ts'
import { documented, errors, sentTest } from './fixtures/mailjet.ts'

describe('the events of Mailjet', () => {
  const expected: Record<keyof typeof documented, object> = {
    sent: { type: 'delivered', recipient: 'recipient@example.com' },
    open: { type: 'opened', recipient: 'api@mailjet.com', human: true },
    openByProxy: { type: 'opened', recipient: 'recipient@example.com', human: false },
    click: { type: 'clicked', recipient: 'api@mailjet.com', human: true },
    bounce: { type: 'bounced', recipient: 'bounce@mailjet.com', bounce: 'hard null bounced' },
    greylisted: { type: 'bounced', recipient: 'protected@example.com', bounce: 'soft null deferred' },
    blocked: { type: 'bounced', recipient: 'bounce@mailjet.com', bounce: 'hard null bounced' },
    typofix: { type: 'bounced', recipient: 'bad@example.com', bounce: 'hard null bounced' },
    spam: { type: 'complained', recipient: 'bounce@mailjet.com' },
    unsub: { type: 'unsubscribed', recipient: 'api@mailjet.com' },
  }
  for (const [name, event] of Object.entries(documented)) {
    it(`${name}: is mapped to our event`, () => {
      const parsedEvent = parsedOne(mailjet, event)
      assert.deepEqual(outcomeOf(parsedEvent), expected[name as keyof typeof documented])
      assert.equal(parsedEvent.occurredAt, event.time * 1_000)
      assert.equal(parsedEvent.externalId, 'helloworld')
    })
  }

  for (const [error_related_to, error, bounced, blocked] of errors) {
    it(`${error_related_to}, ${error}: is ${bounced} after an attempt, ${blocked} without one`, () => {
      const { comment: _, ...bounce } = { ...documented.bounce, error_related_to, error, hard_bounce: false }
      assert.equal(judgeBounce(parsedOne(mailjet, bounce).bounce).outcome, bounced)
      assert.equal(judgeBounce(parsedOne(mailjet, { ...bounce, event: 'blocked' }).bounce).outcome, blocked)
    })
  }

  it('let the receiver’s reply decide over Mailjet’s class of it', () => {
    const refused = {
      ...documented.bounce,
      comment: '550 5.7.26 Unauthenticated email from example.com is not accepted',
    }
    const { reason, outcome } = judgeBounce(parsedOne(mailjet, refused).bounce)
    assert.deepEqual([reason, outcome], ['authentication', 'failed'])
  })

  it('keep every digit of a MessageID, which is a number of 64 bits', () => {
    const body = '[{"event":"sent","time":1433333949,"MessageID":19421777835146490123,"email":"api@mailjet.com"}]'
    const [event] = mailjet.parse(Buffer.from(body), receivedAt, {})
    assert.equal(event?.emailId, '19421777835146490123')
  })

  it('carry the reply to a delivered email, the campaign as a tag, CustomID and the pairs of Payload', () => {
    const { response, tags, externalId, metadata } = parsedOne(mailjet, documented.sent)
    assert.equal(response, documented.sent.smtp_reply)
    assert.deepEqual([tags, externalId, metadata], [['tag1'], 'helloworld', { meta1: 'simple string', meta2: '2' }])
    const withoutId = { ...documented.sent, CustomID: '', Payload: '{"external_id":"o-1"}' }
    assert.equal(parsedOne(mailjet, withoutId).externalId, 'o-1')
    assert.equal(parsedOne(mailjet, { ...documented.sent, Payload: 'plain' }).metadata, null)
  })

  it('name the list that was left, unless there is none', () => {
    assert.equal(parsedOne(mailjet, documented.unsub).list, '1')
    assert.equal(parsedOne(mailjet, { ...documented.unsub, mj_list_id: 0 }).list, null)
  })

  it('have the same ID in every repeat, and another ID for another event', () => {
    const idOf = (event: object) => parsedOne(mailjet, event).id
    const ids = Object.values(documented).map(idOf)
    assert.equal(new Set(ids).size, ids.length)
    for (const event of Object.values(documented)) assert.equal(idOf({ ...event, geo: 'XX' }), idOf(event))
    assert.notEqual(idOf({ ...documented.click, url: 'https://example.com/' }), idOf(documented.click))
    for (const repeated of [documented.open, documented.greylisted])
      assert.notEqual(idOf({ ...repeated, time: 1433103520 }), idOf(repeated))
    for (const once of [documented.sent, documented.bounce, documented.spam])
      assert.equal(idOf({ ...once, time: 1433103520 }), idOf(once))
    assert.notEqual(idOf({ ...documented.bounce, error: 'policy issue' }), idOf(documented.bounce))
  })

  it('come in a list, or alone where "group events" is off; one that is unreadable is quarantined in both', () => {
    const { event: _, ...unreadable } = documented.sent
    const types = parsed(mailjet, [documented.sent, unreadable, documented.spam]).map(({ type }) => type)
    assert.deepEqual(types, ['delivered', 'unreadable', 'complained'])
    assert.equal(parsedOne(mailjet, unreadable).quarantinedReason, 'the event has no event type')
    assert.equal(parsedOne(mailjet, documented.sent).type, 'delivered')
  })

  it('of a test from the dashboard are about no email, and suppress nobody', () => {
    assert.deepEqual(parsed(mailjet, [sentTest, { ...sentTest, event: 'bounce' }]), [])
  })
})
