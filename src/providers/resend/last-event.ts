/** What the last event of an email proves. Resend's answers about emails hold no other, and only the time of creation. */
import { z } from 'zod'
import { normalizeAddress } from '../../domain/address.ts'
import type { ProviderEventType, ReceivedBounce, ReceivedEvent } from '../../domain/events.ts'
import { taggedOwnIds } from '../custom-fields.ts'
import { buildBounce, buildEvent, reconciledIdOf } from '../event-builder.ts'
import { isObject, timeIn } from '../fields.ts'
import { bounceOf, resend, scheduledTimeIn } from './webhook.ts'

const addresses = z.array(z.string()).nullish()

/** In the answer about one email, and in the list of emails. */
export const emailForm = z.object({
  to: addresses,
  cc: addresses,
  bcc: addresses,
  subject: z.string().nullish(),
  created_at: z.string().nullish(),
  scheduled_at: z.string().nullish(),
  last_event: z.string().nullish(),
  /** With the last event `bounced` (resend/resend-node#1030). */
  bounce: z.record(z.string(), z.unknown()).nullish(),
  tags: z.unknown().optional(),
})
type ResendEmail = z.infer<typeof emailForm>

/** The event that the last event at Resend proves. An email that was opened was delivered; a cancelled one proves nothing. */
const provenBy = new Map<string, ProviderEventType>([
  ['queued', 'queued'],
  ['scheduled', 'queued'],
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['opened', 'delivered'],
  ['clicked', 'delivered'],
  ['complained', 'complained'],
  ['delivery_delayed', 'bounced'],
  ['bounced', 'bounced'],
  ['failed', 'bounced'],
  ['suppressed', 'bounced'],
])

/** The events that an answer about an email proves. @param now epoch milliseconds; the time of an event that the answer does not date. */
export function eventsProvenBy(emailId: string, email: ResendEmail, now: number): ReceivedEvent[] {
  const last = (email.last_event ?? '').toLowerCase()
  const proven = provenOf(email, last)
  const queuedAt = timeIn([email.created_at]) ?? (proven === 'queued' ? now : null)
  return [
    ...(queuedAt === null ? [] : [eventOf(emailId, email, 'queued', last, queuedAt, now)]),
    ...(proven === undefined || proven === 'queued' ? [] : [eventOf(emailId, email, proven, last, now, now)]),
  ]
}

/** The last event is that of one recipient. That one of several has the email does not prove that the others have it. */
function provenOf(email: ResendEmail, last: string): ProviderEventType | undefined {
  const proven = provenBy.get(last)
  return proven === 'delivered' && recipientCountOf(email) > 1 ? 'sent' : proven
}

const recipientCountOf = ({ to, cc, bcc }: ResendEmail): number =>
  [to, cc, bcc].reduce((count, list) => count + (list?.length ?? 0), 0)

function eventOf(
  emailId: string,
  email: ResendEmail,
  type: ProviderEventType,
  last: string,
  occurredAt: number,
  now: number,
): ReceivedEvent {
  const to = (email.to ?? []).map(normalizeAddress).filter((address) => address !== null)
  const bounce = type === 'bounced' ? lastBounceOf(last, email) : null
  return buildEvent({
    provider: resend.name,
    emailId,
    id: reconciledIdOf(emailId, type, bounce),
    type,
    occurredAt,
    receivedAt: now,
    to,
    recipient: recipientCountOf(email) === 1 ? (to[0] ?? null) : null,
    subject: email.subject?.slice(0, 998) ?? null,
    bounce,
    scheduledFor: type === 'queued' && last === 'scheduled' ? scheduledTimeIn(email, now) : null,
    ...taggedOwnIds(email.tags),
    payload: JSON.stringify({ source: 'reconcile', type, last_event: last, occurred_at: occurredAt }),
  })
}

/**
 * A bounce without its facts may be permanent or not: it is over, and not held against the recipient, since it must not overrule
 * what a webhook said.
 */
function lastBounceOf(last: string, email: ResendEmail): ReceivedBounce {
  const message = `last event at Resend: ${last}`
  const isKnown = last !== 'bounced' || isObject(email.bounce)
  const bounce = buildBounce(bounceOf(last, email))
  return { ...bounce, message: bounce.message ?? message, ...(!isKnown && { class: 'soft' }) }
}
