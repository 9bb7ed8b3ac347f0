/** What must come of the events in fixtures/mapping.jsonl; the letter before each is the finding's. */
import assert from 'node:assert/strict'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { countsAsSoftBounce, judgeBounce } from '../../src/domain/judge-bounce.ts'
import { adapterOf, parsed, parsedBySns } from './adapter.ts'
import { documented as ofMailgun } from './fixtures/mailgun.ts'
import { documented as ofPostmark } from './fixtures/postmark.ts'
import { documented as ofResend } from './fixtures/resend.ts'
import { documented as ofSendgrid } from './fixtures/sendgrid.ts'
import { documented as ofSes } from './fixtures/ses.ts'
import { findingOf } from './reports.ts'

const only = (name: string, body: unknown): ReceivedEvent => theOnly(parsed(adapterOf(name), body))

function theOnly([event, ...others]: readonly ReceivedEvent[]): ReceivedEvent {
  assert.ok(event && others.length === 0)
  return event
}

const ses = (event: object) => theOnly(parsedBySns(adapterOf('ses'), event))
const postmark = (record: object) =>
  only('postmark', { ...ofPostmark.hardBounce, Details: '', Inactive: false, ...record })
const sendgrid = (entry: object) => only('sendgrid', [{ ...ofSendgrid.bounce, reason: null, status: '', ...entry }])
const mailgun = (data: object) => only('mailgun', { 'event-data': data })
const resend = (event: object) => only('resend', event)

/** A bounce of SES; a recipient with a status was refused, one without may have an automatic reply. */
const sesBounce = (bounceType: string, bounceSubType: string, status: string | null = '4.0.0') => {
  const bouncedRecipients = [{ emailAddress: 'ada@example.com', ...(status && { action: 'failed', status }) }]
  return ses({ ...ofSes.bounce, bounce: { bounceType, bounceSubType, feedbackId: 'fb', bouncedRecipients } })
}

const resendBounce = (type: string, subType: string, diagnosticCode?: string[]) => {
  const bounce = {
    type,
    subType,
    message: 'The recipient’s email provider sent a general bounce message.',
    diagnosticCode,
  }
  return resend({ ...ofResend.transient, data: { ...ofResend.transient.data, bounce } })
}

const outcomeOf = ({ bounce }: ReceivedEvent) => judgeBounce(bounce).outcome

/** The event of a row, such as `sendgrid bounce blocked 5.7.1 Reputation`. */
function eventOfRow(row: string): ReceivedEvent {
  const [provider, event = '', kind = '', third = '', ...rest] = row.split(' ')
  const text = rest.join(' ')
  switch (provider) {
    case 'postmark':
      return postmark({ Type: kind })
    case 'sendgrid':
      return event === 'dropped'
        ? sendgrid({ event, reason: [kind, third, text].filter(Boolean).join(' ') })
        : sendgrid({ event, type: kind, status: third, bounce_classification: text })
    case 'mailgun': {
      if (event === 'rejected') return mailgun(ofMailgun.rejected)
      const status = { code: Number(rest[0]) || undefined, message: text }
      return mailgun({ ...ofMailgun.permanent, severity: kind, reason: third, 'delivery-status': status })
    }
    case 'resend':
      return resendBounce(kind, third, ['smtp; 450 4.0.0'])
    default:
      if (event === 'Reject') return ses(ofSes.reject)
      return event === 'Rendering' ? ses(ofSes.renderingFailure) : sesBounce(kind, third)
  }
}

describe('findings by comparison', () => {
  it('A: a bounce of SendGrid without a message ID is held against its address', () => {
    const event = findingOf('A').event as object
    const { recipient, bounce } = only('sendgrid', [event])
    assert.deepEqual([recipient, judgeBounce(bounce).outcome], ['a@example.com', 'bounced'])
  })

  it('B: a transient, general bounce without a refusal may be an automatic reply: it is no failure', () => {
    for (const event of [sesBounce('Transient', 'General', null), resendBounce('Transient', 'General')]) {
      assert.deepEqual([outcomeOf(event), countsAsSoftBounce(event.bounce)], ['none', false])
    }
  })

  const rows = findingOf('C').rows ?? []
  for (const row of rows) {
    it(`C: ${row} is over, and not held against the recipient`, () => {
      const event = eventOfRow(row)
      assert.deepEqual([event.type, outcomeOf(event)], ['bounced', 'failed'])
      assert.notEqual(event.recipient, null)
    })
  }

  it('C: there are 42 such rows', () => assert.equal(rows.length, 42))

  it('D: a bounce of SES or Resend for the message’s content, size or time counts as no soft bounce', () => {
    for (const subType of ['ContentRejected', 'MessageTooLarge', 'AttachmentRejected', 'CustomTimeoutExceeded']) {
      for (const event of [sesBounce('Transient', subType), resendBounce('Transient', subType)]) {
        assert.deepEqual([outcomeOf(event), countsAsSoftBounce(event.bounce)], ['failed', false], subType)
      }
    }
  })

  it('E: an unsubscribed recipient of SES is not suppressed for everything', () => {
    assert.equal(outcomeOf(sesBounce('Permanent', 'UnsubscribedRecipient', null)), 'failed')
  })

  it('F: a filter’s verdict at Postmark is no complaint', () => {
    const event = postmark({ Type: 'SpamNotification', TypeCode: 512 })
    assert.deepEqual([event.type, outcomeOf(event)], ['bounced', 'failed'])
  })

  it('G: a report of failed authentication is no complaint', () => {
    const complaint = { ...ofSes.complaintNotification.complaint, complaintFeedbackType: 'auth-failure' }
    assert.equal(ses({ ...ofSes.complaintNotification, complaint }).type, 'auth-failure')
  })

  it('H: of a new type at Postmark, `Inactive` says whether the address is deactivated', () => {
    assert.deepEqual(
      [true, false].map((Inactive) => outcomeOf(postmark({ Type: 'New', Inactive }))),
      ['bounced', 'failed'],
    )
  })

  it('I: Postmark’s change of a subscription for a hard bounce affects nothing, since the bounce has a record of its own', () => {
    const event = only('postmark', { ...ofPostmark.subscriptionChange, SuppressionReason: 'HardBounce' })
    assert.equal(event.type, 'subscription_change')
  })

  it('J: the providers’ words for unsubscribing have one meaning', () => {
    const events = [
      ...[ofSendgrid.unsubscribe, ofSendgrid.group_unsubscribe].map((entry) => only('sendgrid', [entry])),
      mailgun(ofMailgun.unsubscribed),
      ...[ofPostmark.subscriptionChange, ofPostmark.unsubscribe].map((record) => only('postmark', record)),
      ses(ofSes.subscription),
      only('aisend', { type: 'email.unsubscribed', data: { email_id: 'em_1' } }),
    ]
    assert.deepEqual([...new Set(events.map(({ type }) => type))], ['unsubscribed'])
    const back = [only('sendgrid', [ofSendgrid.group_resubscribe]), postmark({ Type: 'Subscribe' })]
    assert.deepEqual([...new Set(back.map(({ type }) => type))], ['resubscribed'])
  })

  it('J: automatic replies are no failures', () => {
    for (const Type of ['AutoResponder', 'ChallengeVerification']) assert.equal(outcomeOf(postmark({ Type })), 'none')
  })

  it('K: a record of Postmark about no email is dropped', () => {
    const MessageID = '00000000-0000-0000-0000-000000000000'
    assert.deepEqual(parsed(adapterOf('postmark'), { ...ofPostmark.hardBounce, MessageID }), [])
  })

  it('L: a delay of SES carries the status and the reply of its recipient', () => {
    const { deliveryDelay } = findingOf('L').event as { deliveryDelay: object }
    const event = ses({ ...ofSes.deliveryDelay, deliveryDelay })
    assert.equal(outcomeOf(event), 'deferred')
    assert.deepEqual([event.bounce?.code, event.bounce?.message], ['4.2.2', 'smtp; 452 4.2.2 over quota'])
    assert.equal(event.recipient, 'recipient@example.com', 'the only one of the email')
  })

  it('Q: a genuine request of Mailgun that cannot be read gets the answer that ends its repeats', () => {
    assert.throws(() => parsed(adapterOf('mailgun'), { 'event-data': { id: 'x' } }), { status: 406 })
  })

  it('R: what Postmark still tries is a delay', () => {
    for (const Type of ['Transient', 'DnsError']) assert.equal(outcomeOf(postmark({ Type })), 'deferred')
  })

  it('S: a bounce that Postmark cannot classify is over, and held against nobody unless the reply says so', () => {
    assert.equal(outcomeOf(postmark({ Type: 'Unknown' })), 'failed')
    assert.equal(outcomeOf(postmark({ Type: 'Unknown', Details: 'smtp;550 5.1.1 no such user' })), 'bounced')
  })
})
