/**
 * Amazon SES: "Contents of event data that Amazon SES publishes to Amazon SNS". A bounce always names whom it is about; a
 * complaint lists all whom it may be about.
 */
import type { PlannedEmail, PlannedEvent } from '../plan.ts'
import { type Dialect, oneRecipientOf, type ToldEvent } from './dialect.ts'

export const sesDialect: Dialect = {
  emailIdOf: (key) => `em_${key}`,
  grainMs: 1,
  sendsBatches: false,
  tell: (event, email) => (event.type === 'bounced' ? { ...event, recipient: oneRecipientOf(event, email) } : event),
  bodyOf: ([event], email) => JSON.stringify(event && eventOf(event, email)),
}

const words: Readonly<Record<string, string>> = {
  sent: 'Send',
  delivered: 'Delivery',
  opened: 'Open',
  clicked: 'Click',
  bounced: 'Bounce',
  complained: 'Complaint',
}

const eventOf = (event: ToldEvent, email: PlannedEmail) => ({
  eventType: words[event.type],
  mail: {
    timestamp: event.at.toISOString(),
    source: 'hello@example.com',
    messageId: email.id,
    destination: email.to,
    commonHeaders: { from: ['hello@example.com'], to: email.to, subject: email.subject, messageId: email.id },
    tags: { 'ses:configuration-set': ['aftersend'] },
  },
  [(words[event.type] ?? '').toLowerCase()]: detailsOf(event, email),
})

function detailsOf(event: ToldEvent, email: PlannedEmail) {
  const timestamp = event.at.toISOString()
  switch (event.type) {
    case 'sent':
      return {}
    case 'delivered':
      return { timestamp, recipients: recipientsOf(event, email), smtpResponse: '250 OK', processingTimeMillis: 500 }
    case 'bounced':
      return { timestamp, feedbackId: event.id, ...bounceFacts(event) }
    case 'complained': {
      const complained = recipientsOf(event, email).map((emailAddress) => ({ emailAddress }))
      return { timestamp, feedbackId: event.id, complainedRecipients: complained, complaintFeedbackType: 'abuse' }
    }
    default:
      return engagementFacts(event, timestamp)
  }
}

const recipientsOf = (event: PlannedEvent, email: PlannedEmail): readonly string[] =>
  event.recipient === null ? email.to : [event.recipient]

const bounceFacts = ({ bounce, recipient }: PlannedEvent) => ({
  bounceType: bounce?.class === 'hard' ? 'Permanent' : 'Transient',
  bounceSubType: 'General',
  bouncedRecipients: [
    { emailAddress: recipient, action: 'failed', status: bounce?.code, diagnosticCode: bounce?.message },
  ],
})

const engagementFacts = ({ engagement }: PlannedEvent, timestamp: string) => ({
  ipAddress: '192.0.2.17',
  timestamp,
  userAgent: engagement?.userAgent,
  ...(engagement?.url && { link: engagement.url }),
})
