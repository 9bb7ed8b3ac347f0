import assert from 'node:assert/strict'
import { unreadableEventType } from '../../src/domain/events.ts'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { mailtrap } from '../../src/providers/mailtrap/webhook.ts'
import { outcomeOf, parsed, parsedOne, receivedAt } from './adapter.ts'
import { auditLog, documented, jsonLines, signed } from './fixtures/mailtrap.ts'

const only = (entry: object) => parsedOne(mailtrap, { events: [entry] })

describe('the requests of Mailtrap', () => {
  it('are verified as documented: an HMAC of the body, in hex', () => {
    const headers = { 'mailtrap-signature': signed.signature }
    assert.ok(mailtrap.verify(Buffer.from(signed.body), headers, ['another', signed.secret]))
    assert.ok(!mailtrap.verify(Buffer.from(`${signed.body}\n`), headers, [signed.secret]))
  })

  const linesOf = (lines: readonly string[]) => mailtrap.parse(Buffer.from(lines.join('\n')), receivedAt, {})

  it('may hold JSON Lines', () => {
    assert.deepEqual(
      linesOf([...jsonLines, '']).map(({ type, id, emailId }) => [type, id, emailId]),
      [
        ['delivered', 'evt-1', 'abc-123'],
        ['opened', 'evt-2', 'abc-123'],
        ['clicked', 'evt-3', 'abc-123'],
      ],
    )
    assert.equal(linesOf(jsonLines.slice(0, 1)).length, 1, 'a single line is not an object with events')
  })

  it('store the events beside one that cannot be read', () => {
    const types = (events: readonly { type: string }[]) => events.map(({ type }) => type)
    assert.deepEqual(types(linesOf([...jsonLines.slice(0, 1), '{"event":'])), ['delivered', unreadableEventType])
    const { message_id: _, ...nameless } = documented.open
    assert.deepEqual(types(parsed(mailtrap, { events: [nameless, documented.open] })), [unreadableEventType, 'opened'])
  })

  it('that are neither are refused', () => {
    for (const text of ['', 'text', '[]', '7']) assert.throws(() => linesOf([text]), /neither an object/, text)
    assert.throws(() => parsed(mailtrap, { events: {} }), /not a JSON array/)
  })
})

describe('the events of Mailtrap', () => {
  const about = { recipient: 'receiver@example.com' }
  const expected: Record<keyof typeof documented, object> = {
    delivery: { type: 'delivered', ...about },
    bounce: { type: 'bounced', ...about, bounce: 'soft 555 failed' },
    softBounce: { type: 'bounced', ...about, bounce: 'soft 4.7.1 deferred' },
    spam: { type: 'complained', ...about },
    suspension: { type: 'bounced', ...about, bounce: 'soft null deferred' },
    reject: { type: 'bounced', ...about, bounce: 'soft null failed' },
    open: { type: 'opened', ...about, human: true },
    click: { type: 'clicked', ...about, human: true },
    unsubscribe: { type: 'unsubscribed', ...about },
    gmail: { type: 'bounced', recipient: 'invalid@example.com', bounce: 'hard 5.1.1 bounced' },
  }
  for (const [name, entry] of Object.entries(documented)) {
    it(`${name}: is mapped to our event`, () => {
      const event = only(entry)
      assert.deepEqual(outcomeOf(event), expected[name as keyof typeof documented])
      assert.deepEqual(
        [event.id, event.emailId, event.occurredAt],
        ['bede7236-2284-43d6-a953-1fdcafd0fdbc', '1df37d17-0286-4d8b-8edf-bc4ec5be86e6', 1_728_669_700_000],
      )
    })
  }

  it('carry the category and the custom variables', () => {
    const { tags, metadata, externalId } = only({
      ...documented.delivery,
      custom_variables: { user_id: 123, external_id: 'order-1' },
    })
    assert.deepEqual([tags, metadata, externalId], [['Password reset'], { user_id: '123' }, 'order-1'])
  })

  it('of the audit log are dropped', () => {
    assert.deepEqual(parsed(mailtrap, { events: [auditLog] }), [])
  })

  /** The table "Bounce categorization", by what must come of a bounce whose reply says nothing. */
  const categories: Record<string, string> = {
    transientfail: 'unknown failed',
    greylisting: 'greylisted failed',
    badsender: 'bad_sender failed',
    block: 'blocked_reputation failed',
    content: 'spam_content failed',
    dnsFail: 'connection_failed failed',
    generalfail: 'receiver_error failed',
    other: 'unknown failed',
    relayfail: 'relay_denied failed',
    serverfail: 'receiver_error failed',
    spam: 'spam_content failed',
    verifyfail: 'unknown failed',
    timeout: 'timed_out failed',
    badrecipient: 'unknown_recipient bounced',
    overquota: 'mailbox_full failed',
    serverpolicy: 'policy failed',
    spam_gmail: 'blocked_reputation failed',
  }
  for (const [bounce_category, judgement] of Object.entries(categories)) {
    it(`of category ${bounce_category} are ${judgement}`, () => {
      const { response: _, response_code: __, ...bounce } = documented.bounce
      const { reason, outcome } = judgeBounce(only({ ...bounce, bounce_category }).bounce)
      assert.equal(`${reason} ${outcome}`, judgement)
    })
  }

  it('that are rejected for a hard bounce are held against the recipient, and for any other reason are not', () => {
    const outcome = (reason?: string) => judgeBounce(only({ ...documented.reject, reason }).bounce)
    assert.equal(outcome('Recipient in suppression list. Reason: hard bounce').outcome, 'bounced')
    assert.deepEqual([outcome().reason, outcome().outcome], ['provider_refused', 'failed'])
    assert.equal(outcome(documented.reject.reason).reason, 'unsubscribed')
  })
})
