/** Brevo: events by developers.brevo.com/docs/transactional-webhooks, one a request. Every event names one recipient. */
import { type DatedSampleEvent, eventFormat, type SampleEmail, withOneRecipient } from '../sample.ts'
import { customFieldsOf } from '../sample-fields.ts'

export const brevoFormat = eventFormat(entryOf, {
  emailIdOf: (key) => `${key}@smtp-relay.mailin.fr`,
  adapt: withOneRecipient,
  namesAllRecipients: false,
})

const words: Readonly<Record<string, string>> = { queued: 'request', complained: 'spam', clicked: 'click' }

function entryOf(event: DatedSampleEvent, email: SampleEmail) {
  const seconds = Math.floor(event.at.getTime() / 1_000)
  return {
    id: 814119,
    email: event.recipient,
    'message-id': `<${email.id}>`,
    date: event.at.toISOString().slice(0, 19).replace('T', ' '),
    tags: email.tags,
    tag: JSON.stringify(email.tags),
    event: wordOf(event),
    subject: email.subject,
    'X-Mailin-custom': JSON.stringify(customFieldsOf(email)),
    sending_ip: '192.0.2.17',
    ts: seconds,
    ts_event: seconds,
    ts_epoch: event.at.getTime(),
    ...(event.bounce && { reason: event.bounce.message }),
    ...(event.engagement && { user_agent: event.engagement.userAgent, link: event.engagement.url ?? '' }),
  }
}

function wordOf({ type, bounce }: DatedSampleEvent): string {
  if (!bounce) return words[type] ?? type
  if (!bounce.isOver) return 'deferred'
  return bounce.class === 'hard' ? 'hard_bounce' : 'soft_bounce'
}
