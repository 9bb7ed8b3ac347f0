/** Resend: payloads by resend.com/docs/webhooks/event-types. It never says which of several recipients an event is about. */
import type { PlannedEmail, PlannedEvent } from '../plan.ts'
import type { Dialect, ToldEvent } from './dialect.ts'

export const resendDialect: Dialect = {
  emailIdOf: (key) => `em_${key}`,
  grainMs: 1,
  sendsBatches: false,
  tell: (event, email) => ({
    ...event,
    recipient: email.to.length === 1 ? (email.to[0] ?? null) : null,
    bounce: isDelay(event) ? { class: 'soft', code: null, message: null } : event.bounce,
  }),
  bodyOf: ([event], email) => JSON.stringify(event && bodyOf(event, email)),
}

/** A full mailbox is a bounce of its own; what is tried again is told as a delay, without a reason. */
const isDelay = ({ bounce }: PlannedEvent): boolean => bounce?.class === 'soft' && bounce.code !== '4.2.2'

const bodyOf = (event: ToldEvent, { id, to, subject, tags }: PlannedEmail) => ({
  type: `email.${isDelay(event) ? 'delivery_delayed' : event.type === 'queued' ? 'scheduled' : event.type}`,
  created_at: event.at.toISOString(),
  data: {
    email_id: id,
    from: 'Acme <hello@example.com>',
    to,
    subject,
    created_at: event.at.toISOString(),
    tags: Object.fromEntries(tags.map((tag) => [tag.replaceAll('-', '_'), 'true'])),
    ...(event.bounce && !isDelay(event) && { bounce: bounceFacts(event.bounce) }),
    ...(event.engagement && engagementFacts(event)),
  },
})

const bounceFacts = ({ class: bounceClass, message }: NonNullable<PlannedEvent['bounce']>) => ({
  type: bounceClass === 'hard' ? 'Permanent' : 'Transient',
  subType: bounceClass === 'hard' ? 'General' : 'MailboxFull',
  message,
  diagnosticCode: [message],
})

function engagementFacts({ type, engagement, at }: ToldEvent) {
  const facts = { ipAddress: '192.0.2.17', timestamp: at.toISOString(), userAgent: engagement?.userAgent }
  return type === 'clicked' ? { click: { ...facts, link: engagement?.url } } : { open: facts }
}
