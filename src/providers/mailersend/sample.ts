/** MailerSend: payloads of version 1. It reports nothing before `sent`. Every event names one recipient, and no user agent. */
import { createHash } from 'node:crypto'
import { type DatedSampleEvent, eventFormat, type SampleEmail, withOneRecipient } from '../sample.ts'

const words: Readonly<Record<string, string>> = { complained: 'spam_complaint' }

const wordOf = ({ type, bounce }: DatedSampleEvent): string =>
  bounce ? (bounce.isOver ? `${bounce.class}_bounced` : 'deferred') : (words[type] ?? type)

const bodyOf = (event: DatedSampleEvent, { id, tags, subject }: SampleEmail) => {
  const at = event.at.toISOString()
  return {
    type: `activity.${wordOf(event)}`,
    domain_id: '7z3m5jgrogdpyo6n',
    created_at: at,
    webhook_id: '2351ndgwr4zqx8ko',
    url: 'https://example.com/webhooks/mailersend',
    data: {
      object: 'activity',
      id: objectId(event.id),
      type: wordOf(event),
      created_at: at,
      email: {
        object: 'email',
        id: objectId(`${id} ${event.recipient}`),
        created_at: at,
        from: 'hello@example.com',
        subject,
        status: event.bounce ? 'rejected' : 'delivered',
        tags,
        headers: null,
        message: { object: 'message', id, created_at: at },
        recipient: {
          object: 'recipient',
          id: objectId(String(event.recipient)),
          email: event.recipient,
          created_at: at,
        },
      },
      morph: morphOf(event),
      template_id: '',
    },
  }
}

function morphOf({ id, type, bounce, engagement, at }: DatedSampleEvent) {
  if (bounce) return { object: 'recipient_bounce', reason: bounce.message }
  if (!engagement) return null
  const common = { id: objectId(`morph of ${id}`), created_at: at.toISOString(), ip: '192.0.2.17' }
  return type === 'clicked' ? { object: 'click', ...common, url: engagement.url } : { object: 'open', ...common }
}

/** As MailerSend's IDs are: 24 hexadecimal digits. */
const objectId = (key: string): string => createHash('sha256').update(key).digest('hex').slice(0, 24)

export const mailersendFormat = eventFormat(bodyOf, {
  emailIdOf: objectId,
  namesAllRecipients: false,
  hasCustomFields: false,
  adapt: (event, email) =>
    withOneRecipient(event, email).map((one) => ({
      ...one,
      ...(one.engagement && { engagement: { ...one.engagement, userAgent: '' } }),
    })),
})
