import assert from 'node:assert/strict'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { sparkpost } from '../../src/providers/sparkpost/webhook.ts'
import { outcomeOf, parsed, parsedOne } from './adapter.ts'
import { bounceClasses, documented } from './fixtures/sparkpost.ts'

const one = (msys: object) => parsedOne(sparkpost, [{ msys }])
const changed = (facts: object) => one({ message_event: { ...documented.bounce.message_event, ...facts } })

describe('the events of SparkPost', () => {
  const recipient = 'recipient@example.com'
  const expected: Record<keyof typeof documented, object> = {
    injection: { type: 'queued', recipient },
    delivery: { type: 'delivered', recipient },
    bounce: { type: 'bounced', recipient: 'bounce@example.com', bounce: 'hard 5.1.1 bounced' },
    delay: { type: 'bounced', recipient: 'recipient@nomx.example.com', bounce: 'soft 4.4.4 deferred' },
    generationRejection: { type: 'bounced', recipient: 'suppressed@example.com', bounce: 'soft 5.7.1 bounced' },
    generationFailure: { type: 'bounced', recipient, bounce: 'soft 5.3.3 failed' },
    open: { type: 'opened', recipient, human: true },
    prefetched: { type: 'opened', recipient, human: false },
    initialOpen: { type: 'initial_open', recipient },
    click: { type: 'clicked', recipient, human: true },
    spamComplaint: { type: 'complained', recipient },
    listUnsubscribe: { type: 'unsubscribed', recipient },
    linkUnsubscribe: { type: 'unsubscribed', recipient },
  }
  for (const [name, msys] of Object.entries(documented)) {
    it(`${name}: is mapped to our event`, () => {
      assert.deepEqual(outcomeOf(one(msys)), expected[name as keyof typeof documented])
    })
  }

  for (const [bounce_class, name, meaning] of bounceClasses) {
    it(`a bounce of class ${bounce_class} (${name}) is ${meaning}`, () => {
      const { type, bounce } = changed({ bounce_class, raw_reason: '', reason: '', error_code: '' })
      assert.equal(type === 'bounced' ? judgeBounce(bounce).outcome : type, meaning)
    })
  }

  it('of a suppressed address say why it is suppressed: a bounce or a complaint, or that it had unsubscribed', () => {
    const outcomes = ['Bounce Rule', 'Spam Complaint', 'Unsubscribe Rule'].map((why) => {
      const raw_reason = `554 5.7.1 recipient address was suppressed due to customer policy (${why})`
      return judgeBounce(changed({ bounce_class: '25', error_code: '554', raw_reason }).bounce).outcome
    })
    assert.deepEqual(outcomes, ['bounced', 'bounced', 'failed'])
  })

  it('have the ID of the transmission, the time, the subject, tags and metadata', () => {
    const { id, emailId, occurredAt, subject, tags, metadata } = one(documented.injection)
    assert.deepEqual([id, emailId, subject], ['92356927693813856', '65832150921904138', 'Summer deals are here!'])
    assert.equal(occurredAt, Date.UTC(2016, 1, 2, 19, 50))
    assert.deepEqual([tags, metadata], [['Example Campaign Name', 'male', 'US'], { customKey: 'customValue' }])
    assert.equal(one(documented.generationFailure).occurredAt, Date.UTC(2018, 9, 11, 23, 24, 45))
  })

  it('of a batch are stored each, and one that is unreadable is quarantined', () => {
    const { event_id: _, ...unreadable } = documented.delivery.message_event
    const batch = [{ msys: documented.injection }, { msys: { message_event: unreadable } }, { msys: documented.click }]
    assert.deepEqual(
      parsed(sparkpost, batch).map(({ type, quarantinedReason }) => quarantinedReason ?? type),
      ['queued', 'the event has no event_id', 'clicked'],
    )
  })

  it('of a new webhook’s test, of A/B tests and of ingested events are about no email', () => {
    assert.deepEqual(parsed(sparkpost, [{ msys: {} }]), [])
    const others = [
      { ab_test_event: { type: 'ab_test_completed', event_id: '1' } },
      { ingest_event: { type: 'success', event_id: '2' } },
    ]
    assert.deepEqual(
      parsed(
        sparkpost,
        others.map((msys) => ({ msys })),
      ),
      [],
    )
  })

  it('that name their transmission no more: an open is dropped, a bounce suppresses its address', () => {
    const { transmission_id: _, ...open } = documented.open.track_event
    assert.deepEqual(parsed(sparkpost, [{ msys: { track_event: open } }]), [])
    const late = changed({ type: 'out_of_band', transmission_id: undefined })
    assert.match(late.emailId, /^unknown:/)
    assert.equal(judgeBounce(late.bounce).outcome, 'bounced')
  })

  it('of inbound emails are refused, since the webhook is misconfigured', () => {
    assert.throws(() => parsed(sparkpost, [{ msys: { relay_message: { rcpt_to: 'x' } } }]), /inbound email/)
  })
})
