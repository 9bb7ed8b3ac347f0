/** Mailgun: `event-data` by the documentation of its events. Every event is of one recipient; emails go by their Message-ID. */
import { createHash } from 'node:crypto'
import type { PlannedEmail, PlannedEvent } from '../plan.ts'
import { type Dialect, oneRecipientOf, type ToldEvent } from './dialect.ts'

export const mailgunDialect: Dialect = {
  emailIdOf: (key) => `${key}@mg.example.com`,
  grainMs: 1,
  sendsBatches: false,
  tell: (event, email) => ({ ...event, recipient: oneRecipientOf(event, email) }),
  bodyOf: ([event], email) => JSON.stringify(event && dataOf(event, email)),
}

const words: Readonly<Record<string, string>> = { queued: 'accepted', bounced: 'failed' }

const dataOf = (event: ToldEvent, email: PlannedEmail) => ({
  event: words[event.type] ?? event.type,
  id: createHash('sha256').update(event.id).digest('base64url').slice(0, 22),
  timestamp: event.at.getTime() / 1_000,
  'log-level': event.bounce ? 'error' : 'info',
  recipient: event.recipient,
  tags: email.tags,
  message: {
    headers: { to: email.to.join(', '), 'message-id': email.id, from: 'hello@mg.example.com', subject: email.subject },
  },
  ...(event.bounce && bounceFacts(event.bounce)),
  ...(event.engagement && {
    ip: '192.0.2.17',
    'client-info': { 'user-agent': event.engagement.userAgent, 'client-type': 'browser', bot: '' },
    ...(event.engagement.url !== null && { url: event.engagement.url }),
  }),
})

const bounceFacts = ({ class: bounceClass, code, message }: NonNullable<PlannedEvent['bounce']>) => ({
  severity: bounceClass === 'hard' ? 'permanent' : 'temporary',
  reason: bounceClass === 'hard' ? 'bounce' : 'generic',
  'delivery-status': {
    'attempt-no': 1,
    code: bounceClass === 'hard' ? 550 : 452,
    'enhanced-code': code,
    message,
    ...(bounceClass === 'hard' && { 'bounce-type': 'hard' }),
  },
})
