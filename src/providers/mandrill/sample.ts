/** Mandrill: batches by its "Message event webhook format". Every event names one recipient; times are whole seconds. */
import { createHash } from 'node:crypto'
import {
  type DatedSampleEvent,
  type SampleBounce,
  type SampleEmail,
  type SampleFormat,
  withOneRecipient,
} from '../sample.ts'
import { customFieldsOf } from '../sample-fields.ts'

export const mandrillFormat: SampleFormat = {
  emailIdOf: (key) => createHash('sha256').update(key).digest('hex').slice(0, 32),
  timeResolutionMs: 1_000,
  sendsBatches: true,
  adapt: withOneRecipient,
  namesAllRecipients: false,
  hasOneRecipient: true,
  bodyOf: (events, email) => JSON.stringify(events.map((event) => entryOf(event, email))),
}

const words: Readonly<Record<string, string>> = { sent: 'send', opened: 'open', clicked: 'click', complained: 'spam' }

const entryOf = (event: DatedSampleEvent, email: SampleEmail) => ({
  event: wordOf(event),
  _id: email.id,
  ts: event.at.getTime() / 1_000,
  msg: {
    _id: email.id,
    _version: '1',
    ts: event.at.getTime() / 1_000,
    email: event.recipient,
    sender: 'hello@example.com',
    subject: email.subject,
    tags: email.tags,
    metadata: customFieldsOf(email),
    ...(event.bounce && bounceFacts(event.bounce)),
  },
  ...(event.engagement && {
    ip: '192.0.2.17',
    user_agent: event.engagement.userAgent,
    ...(event.engagement.url !== null && { url: event.engagement.url }),
  }),
})

function wordOf({ type, bounce }: DatedSampleEvent): string {
  if (!bounce) return words[type] ?? type
  if (!bounce.isOver) return 'deferral'
  return bounce.class === 'hard' ? 'hard_bounce' : 'soft_bounce'
}

function bounceFacts({ class: bounceClass, message, isOver }: SampleBounce) {
  if (!isOver) return { state: 'deferred', smtp_events: [{ type: 'deferred', diag: message }] }
  return bounceClass === 'hard'
    ? { state: 'bounced', bounce_description: 'bad_mailbox', bgtools_code: 10, diag: message }
    : { state: 'soft-bounced', bounce_description: 'general', bgtools_code: 40, diag: message }
}
