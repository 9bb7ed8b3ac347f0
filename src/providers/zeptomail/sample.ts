/** ZeptoMail: notifications as its form shows them. It reports nothing before delivery, and no delays; failures name their recipient. */
import { createHash } from 'node:crypto'
import { type DatedSampleEvent, eventFormat, type SampleEmail, withOneRecipient } from '../sample.ts'

const words: Readonly<Record<string, string>> = {
  opened: 'email_open',
  clicked: 'email_link_click',
  complained: 'fbl_compliant',
}

const bodyOf = (event: DatedSampleEvent, { id, to, subject, tags }: SampleEmail) => {
  const word = event.bounce ? `${event.bounce.class}bounce` : (words[event.type] ?? event.type)
  return {
    event_name: [word],
    event_message: [
      {
        email_info: {
          subject,
          email_reference: `${id}@example.com`,
          from: { address: 'hello@example.com', name: 'Acme' },
          to: to.map((address) => ({ email_address: { address, name: '' } })),
          tag: tags[0],
          processed_time: timeOf(event),
          object: 'email',
        },
        event_data: [{ details: [detailOf(event)], object: word }],
        request_id: id,
      },
    ],
    mailagent_key: 'ea36f19a.737a00c139129ee5',
    webhook_request_id: createHash('sha256').update(event.id).digest('hex').slice(0, 32),
  }
}

function detailOf(event: DatedSampleEvent) {
  const { type, bounce, engagement, recipient } = event
  const time = timeOf(event)
  if (bounce) return { reason: 'other', bounced_recipient: recipient, time, diagnostic_message: bounce.message }
  if (type === 'complained') return { from: 'hello@example.com', to: [recipient], time }
  if (!engagement) return { recipient, time }
  const facts = { recipient, time, user_agent: engagement.userAgent, ip_location_info: { ip_address: '192.0.2.17' } }
  return engagement.url === null ? facts : { ...facts, clicked_link: engagement.url }
}

/** Without fractions, which ZeptoMail does not write. */
const timeOf = ({ at }: DatedSampleEvent): string => `${at.toISOString().slice(0, 19)}Z`

export const zeptomailFormat = eventFormat(bodyOf, {
  emailIdOf: (key) => createHash('sha256').update(key).digest('hex').slice(0, 40),
  timeResolutionMs: 1_000,
  // But for the sender's reference, which the samples have not.
  hasCustomFields: false,
  adapt: (event, email) => (event.bounce?.isOver === false ? [] : withOneRecipient(event, email)),
})
