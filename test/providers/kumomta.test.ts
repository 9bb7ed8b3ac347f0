import assert from 'node:assert/strict'
import { kumomta } from '../../src/providers/kumomta/webhook.ts'
import { outcomeOf, parsed, parsedOne, receivedAt } from './adapter.ts'

/** docs.kumomta.com/reference/log_record */
const delivery = {
  type: 'Delivery',
  id: '1d98076abbbc11ed940250ebf67f93bd',
  sender: 'user@sender.example.com',
  recipient: 'user@recipient.example.com',
  queue: 'campaign:tenant@domain',
  site: 'source2->(alt1|alt2|alt3|alt4)?.gmail-smtp-in.l.google.com.',
  size: 1047,
  response: {
    ...{ code: 250, enhanced_code: { class: 2, subject: 0, detail: 0 } },
    ...{ content: 'OK ids=8a5475ccbbc611eda12250ebf67f93bd', command: '.' },
  },
  peer_address: { name: 'gmail-smtp-in.l.google.com.', addr: '142.251.2.27' },
  ...{ timestamp: 1757675281, event_time: '2025-09-12T11:08:01.440526026Z', num_attempts: 0 },
  ...{ bounce_classification: 'Uncategorized', feedback_report: null, meta: {}, headers: {} },
}
const response = (code: number, enhanced: [number, number, number], content: string) => {
  const [first, subject, detail] = enhanced
  return { response: { code, enhanced_code: { class: first, subject, detail }, content, command: 'RCPT TO' } }
}
const unknown = response(550, [5, 1, 1], 'User unknown')
const feedback = {
  ...delivery,
  type: 'Feedback',
  recipient: 'fbl@sender.example.com',
  headers: { 'Message-ID': '<of-the-report@example.com>' },
  feedback_report: {
    feedback_type: 'abuse',
    original_rcpto_to: ['<user@example.com>'],
    original_message:
      'From: <somesender@example.net>\nSubject: Earn money\nMessage-ID: 8787KJKJ3K4J3K4J3K4J3.mail@example.net\n\nSpam\n',
  },
}

describe('the log records of KumoMTA', () => {
  const about = { recipient: 'user@recipient.example.com' }
  for (const [type, facts, expected] of [
    ['Reception', {}, { type: 'queued', ...about }],
    ['Delivery', {}, { type: 'delivered', ...about }],
    ['Bounce', unknown, { type: 'bounced', ...about, bounce: 'hard 5.1.1 bounced' }],
    [
      'TransientFailure',
      response(451, [4, 7, 1], 'Greylisted'),
      { type: 'bounced', ...about, bounce: 'soft 4.7.1 deferred' },
    ],
    [
      'Expiration',
      response(451, [4, 4, 7], 'Delivery time expired'),
      { type: 'bounced', ...about, bounce: 'soft 4.4.7 failed' },
    ],
    [
      'AdminBounce',
      response(551, [5, 7, 1], 'Administrator: queue purged'),
      { type: 'bounced', ...about, bounce: 'soft null failed' },
    ],
    ['Delayed', {}, { type: 'Delayed', ...about }],
  ] as const) {
    it(`${type}: is mapped to our event`, () => {
      const event = parsedOne(kumomta, { ...delivery, ...facts, type })
      assert.deepEqual(outcomeOf(event), expected)
      assert.deepEqual([event.emailId, event.occurredAt], [delivery.id, Date.parse('2025-09-12T11:08:01.440Z')])
    })
  }

  it('may come alone or in a list, of which an unreadable one is quarantined', () => {
    const [one, other] = parsed(kumomta, [delivery, { type: 'Bounce' }])
    assert.deepEqual([one?.type, other?.quarantinedReason], ['delivered', 'the event has no id'])
  })

  it('name the email by its Message-ID where that header is logged, in any spelling', () => {
    const event = parsedOne(kumomta, { ...delivery, headers: { 'message-id': '<m@example.com>', Subject: 'Hello' } })
    assert.deepEqual([event.emailId, event.subject], ['m@example.com', 'Hello'])
  })

  it('of a feedback report are complaints about the email that it quotes, by the person who is in the report', () => {
    const event = parsedOne(kumomta, feedback)
    assert.deepEqual(
      [event.type, event.emailId, event.recipient],
      ['complained', '8787KJKJ3K4J3K4J3K4J3.mail@example.net', 'user@example.com'],
    )
    const withdrawn = { ...feedback, feedback_report: { ...feedback.feedback_report, feedback_type: 'not-spam' } }
    assert.equal(parsedOne(kumomta, withdrawn).type, 'not-spam')
  })

  it('of a bounce that came as a mail suppress the recipient, without an email', () => {
    const event = parsedOne(kumomta, { ...delivery, ...unknown, type: 'OOB', headers: feedback.headers })
    assert.match(event.emailId, /^unknown:/)
    assert.equal(outcomeOf(event).bounce, 'hard 5.1.1 bounced')
  })

  it('about incoming messages and moves between queues are dropped', () => {
    for (const type of ['Rejection', 'AdminRebind', 'XferIn', 'XferOut']) {
      assert.deepEqual(parsed(kumomta, { ...delivery, type }), [])
    }
  })

  it('have one identity each, which a repeat shares', () => {
    const ids = [delivery, delivery, { ...delivery, num_attempts: 1 }, { ...delivery, type: 'TransientFailure' }].map(
      (record) => kumomta.parse(Buffer.from(JSON.stringify(record)), receivedAt, {})[0]?.id,
    )
    assert.equal(ids[0], ids[1])
    assert.equal(new Set(ids).size, 3)
  })
})
