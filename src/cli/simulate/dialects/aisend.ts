/** AISend, and senders of Standard Webhooks, whose bodies may look the same. */
import type { PlannedEmail, PlannedEvent } from '../plan.ts'
import type { Dialect, ToldEvent } from './dialect.ts'

export const aisendDialect: Dialect = {
  emailIdOf: (key) => `em_${key}`,
  grainMs: 1,
  tell: (event) => event,
  sendsBatches: false,
  bodyOf: ([event], email) => JSON.stringify(event && bodyOf(event, email)),
}

const bodyOf = (event: ToldEvent, email: PlannedEmail) => ({
  id: event.id,
  type: `email.${event.type}`,
  created_at: event.at.toISOString(),
  data: {
    email_id: email.id,
    to: email.to,
    subject: email.subject,
    ...(email.to.length > 1 && event.recipient !== null && { recipient: event.recipient }),
    ...(event.bounce && {
      bounce: { type: event.bounce.class, code: event.bounce.code, message: event.bounce.message },
    }),
    ...(event.engagement && engagementFacts(event.engagement)),
  },
})

/** 192.0.2.0/24 is reserved for documentation (RFC 5737). */
const engagementFacts = ({ userAgent, url }: NonNullable<PlannedEvent['engagement']>) => ({
  user_agent: userAgent,
  ip: '192.0.2.17',
  ...(url !== null && { url }),
})
