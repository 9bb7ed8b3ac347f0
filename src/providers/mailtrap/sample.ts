/** Mailtrap: batches as a JSON object. It reports nothing before delivery. Every event names one recipient; times are whole seconds. */
import { type DatedSampleEvent, type SampleEmail, type SampleFormat, withOneRecipient } from '../sample.ts'
import { customFieldsOf, uuidOf } from '../sample-fields.ts'

const words: Readonly<Record<string, string>> = {
  delivered: 'delivery',
  opened: 'open',
  clicked: 'click',
  complained: 'spam',
}

const entryOf = (event: DatedSampleEvent, email: SampleEmail) => ({
  event: event.bounce ? (event.bounce.isOver ? 'bounce' : 'soft bounce') : words[event.type],
  timestamp: event.at.getTime() / 1_000,
  sending_stream: 'transactional',
  category: email.tags[0],
  custom_variables: customFieldsOf(email),
  message_id: email.id,
  email: event.recipient,
  event_id: uuidOf(event.id),
  sending_domain_name: 'example.com',
  ...(event.bounce && {
    response: event.bounce.message,
    response_code: event.bounce.isOver ? 550 : 450,
    bounce_category: event.bounce.class === 'hard' ? 'badrecipient' : 'other',
  }),
  ...(event.engagement && { ip: '192.0.2.17', user_agent: event.engagement.userAgent }),
  ...(event.engagement?.url && { url: event.engagement.url }),
})

export const mailtrapFormat: SampleFormat = {
  emailIdOf: uuidOf,
  timeResolutionMs: 1_000,
  sendsBatches: true,
  adapt: withOneRecipient,
  namesAllRecipients: false,
  bodyOf: (events, email) => JSON.stringify({ events: events.map((event) => entryOf(event, email)) }),
}
