/** SendGrid: batches by Twilio's "Event Webhook Reference". Every event is of one recipient, and times are whole seconds. */
import { createHash } from 'node:crypto'
import type { PlannedEmail, PlannedEvent } from '../plan.ts'
import { type Dialect, oneRecipientOf, type ToldEvent } from './dialect.ts'

export const sendgridDialect: Dialect = {
  emailIdOf: (key) => `em_${key}`,
  grainMs: 1_000,
  sendsBatches: true,
  tell: (event, email) => ({ ...event, recipient: oneRecipientOf(event, email) }),
  bodyOf: (events, email) => JSON.stringify(events.map((event) => entryOf(event, email))),
}

const words: Readonly<Record<string, string>> = {
  sending: 'processed',
  delivered: 'delivered',
  opened: 'open',
  clicked: 'click',
  complained: 'spamreport',
}

const entryOf = (event: ToldEvent, { id, tags }: PlannedEmail) => ({
  email: event.recipient,
  timestamp: event.at.getTime() / 1_000,
  'smtp-id': `<${id}@ismtpd0001p1lon1.sendgrid.net>`,
  event: event.bounce ? (event.bounce.class === 'hard' ? 'bounce' : 'deferred') : words[event.type],
  category: tags,
  sg_event_id: createHash('sha256').update(event.id).digest('base64url').slice(0, 22),
  sg_message_id: `${id}.filterdrecv-5645d9c87f-78xgx-1-5F0C5A3E-1.0`,
  ...(event.bounce && bounceFacts(event.bounce)),
  ...(event.engagement && {
    useragent: event.engagement.userAgent,
    ip: '192.0.2.17',
    ...(event.engagement.url !== null && { url: event.engagement.url }),
  }),
})

const bounceFacts = ({ class: bounceClass, code, message }: NonNullable<PlannedEvent['bounce']>) =>
  bounceClass === 'hard'
    ? { type: 'bounce', status: code, reason: message, bounce_classification: 'Invalid Address' }
    : { response: message, attempt: '1' }
