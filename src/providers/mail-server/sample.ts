/** What `aftersend ingest` posts of a mail server's log. It knows of no opens and clicks. */
import {
  type DatedSampleEvent,
  type SampleEmail,
  type SampleFormat,
  withClassOfCode,
  withOneRecipient,
} from '../sample.ts'
import { customFieldsOf } from '../sample-fields.ts'
import type { MailServerEntry } from './webhook.ts'

function entryOf(event: DatedSampleEvent, email: SampleEmail): MailServerEntry & Record<string, unknown> {
  const { type, bounce, recipient, at } = event
  return {
    event: bounce ? (bounce.isOver ? 'bounced' : 'deferred') : (type as MailServerEntry['event']),
    messageId: `<${email.id}>`,
    queueId: event.id,
    ...(recipient !== null && { recipient }),
    at: at.toISOString(),
    ...(bounce?.code && { code: bounce.code }),
    ...(bounce?.message && { reply: bounce.message }),
    host: 'mx.example.com',
    subject: email.subject,
    tags: email.tags,
    metadata: customFieldsOf(email),
  }
}

export const mailServerFormat: SampleFormat = {
  emailIdOf: (key) => `${key}@example.com`,
  timeResolutionMs: 1,
  sendsBatches: true,
  adapt: (event, email) => withOneRecipient(withClassOfCode(event), email),
  namesAllRecipients: false,
  bodyOf: (events, email) => JSON.stringify(events.map((event) => entryOf(event, email))),
}
