/** SparkPost: batches by developers.sparkpost.com/api/webhooks. Every event names one recipient; times are whole seconds, in text. */
import { createHash } from 'node:crypto'
import {
  type DatedSampleEvent,
  type SampleBounce,
  type SampleEmail,
  type SampleFormat,
  withOneRecipient,
} from '../sample.ts'
import { customFieldsOf } from '../sample-fields.ts'

export const sparkpostFormat: SampleFormat = {
  emailIdOf: (key) => digitsOf(key),
  timeResolutionMs: 1_000,
  sendsBatches: true,
  adapt: withOneRecipient,
  namesAllRecipients: false,
  bodyOf: (events, email) => JSON.stringify(events.map((event) => ({ msys: kindOf(event, email) }))),
}

/** SparkPost's IDs are 17 digits in text. */
const digitsOf = (text: string): string =>
  `${BigInt(`0x${createHash('sha256').update(text).digest('hex')}`)}`.slice(0, 17)

const types: Readonly<Record<string, string>> = {
  queued: 'injection',
  delivered: 'delivery',
  opened: 'open',
  clicked: 'click',
  complained: 'spam_complaint',
}

const kindOf = (event: DatedSampleEvent, email: SampleEmail) =>
  event.engagement ? { track_event: eventOf(event, email) } : { message_event: eventOf(event, email) }

const eventOf = (event: DatedSampleEvent, email: SampleEmail) => ({
  type: event.bounce ? (event.bounce.isOver ? 'bounce' : 'delay') : types[event.type],
  event_id: digitsOf(event.id),
  timestamp: String(event.at.getTime() / 1_000),
  transmission_id: email.id,
  message_id: '000443ee14578172be22',
  rcpt_to: event.recipient,
  raw_rcpt_to: event.recipient,
  rcpt_meta: customFieldsOf(email),
  rcpt_tags: email.tags,
  subject: email.subject,
  ...(event.bounce && bounceFacts(event.bounce)),
  ...(event.engagement && {
    user_agent: event.engagement.userAgent,
    ip_address: '192.0.2.17',
    ...(event.engagement.url !== null && { target_link_url: event.engagement.url }),
  }),
})

const bounceFacts = ({ class: bounceClass, code, message, isOver }: SampleBounce) => ({
  bounce_class: bounceClass === 'hard' ? '10' : isOver ? '40' : '70',
  error_code: code,
  raw_reason: message,
  reason: message,
})
