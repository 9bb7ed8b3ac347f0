/** Lettermint, by its page of events. Only `message.created` names all recipients. */
import { type DatedSampleEvent, eventFormat, type SampleEmail, withOneRecipient } from '../sample.ts'
import { customFieldsOf, uuidOf } from '../sample-fields.ts'

const words: Readonly<Record<string, string>> = { queued: 'created', complained: 'spam_complaint' }

const bodyOf = (event: DatedSampleEvent, email: SampleEmail) => {
  const { type, bounce, engagement, recipient, at } = event
  const word = bounce ? (bounce.isOver ? overWordOf(event) : 'soft_bounced') : (words[type] ?? type)
  return {
    id: uuidOf(event.id),
    event: `message.${word}`,
    created_at: at.toISOString(),
    data: {
      ...{ message_id: email.id, subject: email.subject },
      ...(recipient === null ? { from: { email: 'hello@example.com' }, to: email.to, cc: [], bcc: [] } : { recipient }),
      ...(type === 'delivered' && { response: { status_code: 250, enhanced_status_code: '2.0.0', content: 'OK' } }),
      ...(bounce && { response: { status_code: bounce.isOver ? 550 : 450, content: bounce.message } }),
      ...(engagement && { [`${type}_at`]: at.toISOString(), user_agent: engagement.userAgent }),
      ...(engagement?.url && { destination_url: engagement.url, link_index: 0 }),
      metadata: customFieldsOf(email),
      tag: email.tags[0] ?? null,
    },
  }
}

const overWordOf = ({ bounce }: DatedSampleEvent): string => (bounce?.class === 'hard' ? 'hard_bounced' : 'failed')

export const lettermintFormat = eventFormat(bodyOf, {
  emailIdOf: uuidOf,
  adapt: (event, email) => (event.type === 'queued' ? [{ ...event, recipient: null }] : withOneRecipient(event, email)),
})
