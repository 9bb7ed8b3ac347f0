/** Postmark: records by postmarkapp.com/developer/webhooks. It reports nothing before delivery. Every event names one recipient. */
import { createHash } from 'node:crypto'
import { type DatedSampleEvent, eventFormat, type SampleEmail, type SampleEvent, withOneRecipient } from '../sample.ts'
import { customFieldsOf } from '../sample-fields.ts'

export const postmarkFormat = eventFormat(recordOf, { adapt: withOneRecipient, namesAllRecipients: false })

function recordOf(event: DatedSampleEvent, email: SampleEmail) {
  const at = event.at.toISOString()
  const common = {
    MessageID: email.id,
    MessageStream: 'outbound',
    ServerID: 23,
    Tag: email.tags[0],
    Metadata: customFieldsOf(email),
  }
  switch (event.type) {
    case 'bounced':
      return { RecordType: 'Bounce', ...common, ...bounceFacts(event, email) }
    case 'complained':
      return {
        ...{ RecordType: 'SpamComplaint', ...common, ID: numberOf(event), Type: 'SpamComplaint', TypeCode: 512 },
        ...{ Email: event.recipient, From: 'hello@example.com', BouncedAt: at, Subject: email.subject },
      }
    case 'delivered':
      return { RecordType: 'Delivery', ...common, Recipient: event.recipient, DeliveredAt: at, Details: '250 OK' }
    default:
      return { ...common, ...engagementFacts(event), Recipient: event.recipient, ReceivedAt: at }
  }
}

function bounceFacts(event: DatedSampleEvent, email: SampleEmail) {
  const isHard = event.bounce?.class === 'hard'
  const [type, code, name] = event.bounce?.isOver
    ? isHard
      ? ['HardBounce', 1, 'Hard bounce']
      : ['SoftBounce', 4096, 'Soft bounce']
    : ['Transient', 2, 'Message delayed']
  return {
    ID: numberOf(event),
    Type: type,
    TypeCode: code,
    Name: name,
    Details: event.bounce?.message,
    Email: event.recipient,
    From: 'hello@example.com',
    BouncedAt: event.at.toISOString(),
    Inactive: isHard,
    Subject: email.subject,
  }
}

/** Postmark's bounce IDs are numbers; this one fits into a JSON number without loss. */
const numberOf = ({ id }: SampleEvent): number =>
  Number.parseInt(createHash('sha256').update(id).digest('hex').slice(0, 13), 16)

const engagementFacts = ({ type, engagement }: DatedSampleEvent) => ({
  RecordType: type === 'clicked' ? 'Click' : 'Open',
  UserAgent: engagement?.userAgent,
  Platform: 'Desktop',
  ...(type === 'clicked' ? { OriginalLink: engagement?.url, ClickLocation: 'HTML' } : { FirstOpen: false }),
})
