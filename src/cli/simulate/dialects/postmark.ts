/** Postmark: records by postmarkapp.com/developer/webhooks. It tells nothing before delivery, and each event of one recipient. */
import { createHash } from 'node:crypto'
import type { PlannedEmail, PlannedEvent } from '../plan.ts'
import { type Dialect, oneRecipientOf, type ToldEvent } from './dialect.ts'

export const postmarkDialect: Dialect = {
  emailIdOf: (key) => `em_${key}`,
  grainMs: 1,
  sendsBatches: false,
  tell: (event, email) => ({ ...event, recipient: oneRecipientOf(event, email) }),
  bodyOf: ([event], email) => JSON.stringify(event && recordOf(event, email)),
}

function recordOf(event: ToldEvent, email: PlannedEmail) {
  const at = event.at.toISOString()
  const common = {
    MessageID: email.id,
    MessageStream: 'outbound',
    ServerID: 23,
    Tag: email.tags[0],
    Metadata: {},
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

function bounceFacts(event: ToldEvent, email: PlannedEmail) {
  const isHard = event.bounce?.class === 'hard'
  return {
    ID: numberOf(event),
    Type: isHard ? 'HardBounce' : 'Transient',
    TypeCode: isHard ? 1 : 2,
    Name: isHard ? 'Hard bounce' : 'Message delayed',
    Details: event.bounce?.message,
    Email: event.recipient,
    From: 'hello@example.com',
    BouncedAt: event.at.toISOString(),
    Inactive: isHard,
    Subject: email.subject,
  }
}

/** Postmark numbers its bounces: as large as JSON carries exactly. */
const numberOf = ({ id }: PlannedEvent): number =>
  Number.parseInt(createHash('sha256').update(id).digest('hex').slice(0, 13), 16)

const engagementFacts = ({ type, engagement }: ToldEvent) => ({
  RecordType: type === 'clicked' ? 'Click' : 'Open',
  UserAgent: engagement?.userAgent,
  Platform: 'Desktop',
  ...(type === 'clicked' ? { OriginalLink: engagement?.url, ClickLocation: 'HTML' } : { FirstOpen: false }),
})
