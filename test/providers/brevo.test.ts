import assert from 'node:assert/strict'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { brevo } from '../../src/providers/brevo/webhook.ts'
import { emailIdOf } from '../../src/providers/registry.ts'
import { outcomeOf, parsed, parsedOne } from './adapter.ts'
import { documented } from './fixtures/brevo.ts'

describe('the events of Brevo', () => {
  const recipient = 'example@gmail.com'
  const expected: Record<keyof typeof documented, object> = {
    request: { type: 'queued', recipient: 'recipient@example.com' },
    delivered: { type: 'delivered', recipient },
    hardBounce: { type: 'bounced', recipient, bounce: 'hard 5.1.1 bounced' },
    softBounce: { type: 'bounced', recipient: 'recipient@no-mx.example.com', bounce: 'soft null failed' },
    deferred: { type: 'bounced', recipient: 'notauser@example.com', bounce: 'soft 5.1.1 deferred' },
    blocked: { type: 'bounced', recipient, bounce: 'soft null failed' },
    blocklisted: { type: 'bounced', recipient, bounce: 'hard null bounced' },
    invalidEmail: { type: 'bounced', recipient, bounce: 'hard null bounced' },
    error: { type: 'bounced', recipient, bounce: 'soft null failed' },
    complaint: { type: 'complained', recipient },
    spam: { type: 'complained', recipient },
    opened: { type: 'opened', recipient, human: true },
    uniqueOpened: { type: 'opened', recipient, human: false },
    proxyOpen: { type: 'opened', recipient, human: false },
    uniqueProxyOpen: { type: 'opened', recipient, human: false },
    click: { type: 'clicked', recipient, human: true },
    unsubscribed: { type: 'unsubscribed', recipient },
  }
  for (const [name, event] of Object.entries(documented)) {
    it(`${name}: is mapped to our event`, () => {
      assert.deepEqual(outcomeOf(parsedOne(brevo, event)), expected[name as keyof typeof documented])
    })
  }

  it('name the email as the API does, without the angle brackets', () => {
    const { emailId, subject } = parsedOne(brevo, documented.request)
    assert.deepEqual([emailId, subject], ['201803062010.27287306012@smtp-relay.mailin.fr', 'Test subject'])
    assert.equal(emailIdOf('brevo', documented.request['message-id']), emailId)
    assert.equal(emailIdOf('brevo', emailId), emailId)
  })

  it('have the time in UTC, whatever the zone of the account is', () => {
    assert.equal(parsedOne(brevo, documented.request).occurredAt, Date.UTC(2018, 2, 6, 19, 10, 23))
    assert.equal(parsedOne(brevo, documented.invalidEmail).occurredAt, Date.UTC(2020, 10, 9, 14, 53, 43))
    assert.equal(parsedOne(brevo, documented.proxyOpen).occurredAt, Date.UTC(2020, 10, 9, 14, 54, 14))
  })

  it('carry tags and custom fields, in the two forms of `X-Mailin-custom`', () => {
    const custom = (header: unknown) => {
      const { externalId, metadata } = parsedOne(brevo, { ...documented.request, 'X-Mailin-custom': header })
      return [externalId, metadata]
    }
    assert.deepEqual(parsedOne(brevo, documented.request).tags, ['tag1', 'tag2'])
    assert.deepEqual(parsedOne(brevo, { ...documented.request, tags: undefined }).tags, ['tag1', 'tag2'])
    assert.deepEqual(parsedOne(brevo, { ...documented.request, tags: undefined, tag: 'one' }).tags, ['one'])
    assert.deepEqual(custom('{"external_id":"o-1","step":2}'), ['o-1', { step: '2' }])
    assert.deepEqual(custom('external_id:o-1|when:10:30'), ['o-1', { when: '10:30' }])
    assert.deepEqual(custom('some_custom_header'), custom(undefined))
  })

  it('have the same ID in every repeat, and from a second webhook, and another ID for another event', () => {
    const idOf = (event: object) => parsedOne(brevo, event).id
    // Brevo has two words for a complaint, and the email of the samples is blocked twice.
    const { complaint, blocklisted, ...others } = documented
    const ids = Object.values(others).map(idOf)
    assert.equal(new Set(ids).size, ids.length)
    assert.equal(idOf(complaint), idOf({ ...complaint, event: 'spam' }))
    for (const event of Object.values(documented)) assert.equal(idOf({ ...event, id: 1, uuid: 'u' }), idOf(event))
    assert.notEqual(idOf({ ...documented.click, link: 'https://example.com/' }), idOf(documented.click))
    assert.notEqual(idOf({ ...documented.click, ts_epoch: 1685542108463 }), idOf(documented.click))
    assert.notEqual(idOf({ ...documented.deferred, ts_epoch: 1685542108463 }), idOf(documented.deferred))
    // The API may date it a second later.
    assert.equal(idOf({ ...documented.delivered, ts_epoch: 1685539714018 }), idOf(documented.delivered))
    assert.notEqual(idOf({ ...documented.delivered, email: 'other@example.com' }), idOf(documented.delivered))
  })

  it('come alone or in batches, and one that is unreadable is quarantined in both', () => {
    const batch = parsed(brevo, [
      documented.delivered,
      { event: 'click', 'message-id': 'x'.repeat(300) },
      documented.click,
    ])
    assert.deepEqual(
      batch.map(({ type }) => type),
      ['delivered', 'unreadable', 'clicked'],
    )
    for (const body of [{ email: recipient }, [{ email: recipient }]]) {
      const { quarantinedReason, to } = parsedOne(brevo, body)
      assert.deepEqual([quarantinedReason, to], ['the event has no event type', [recipient]])
    }
  })

  it('of a campaign are about no email that was sent, but suppress its address', () => {
    const ofCampaign = { camp_id: 4, 'campaign name': 'News', email: recipient, ts_event: 1604933654 }
    assert.deepEqual(parsed(brevo, { ...ofCampaign, event: 'delivered' }), [])
    const event = parsedOne(brevo, { ...ofCampaign, event: 'hard_bounce', reason: '550 5.1.1 no such user' })
    assert.match(event.emailId, /^unknown:/)
    assert.equal(judgeBounce(event.bounce).outcome, 'bounced')
  })
})
