/**
 * Resend. Events and payloads: resend.com/docs/webhooks/event-types and Resend's OpenAPI document. Signed by Svix, whose scheme
 * is Standard Webhooks with other header names.
 */
import { classifyBounce } from '../../domain/bounce-policy.ts'
import type { ReceivedBounce, ReceivedEvent } from '../../domain/events.ts'
import { taggedOwnIds } from '../custom-fields.ts'
import { buildBounce, buildEvent, codeIn, eventIdOf, isHumanEngagement } from '../event-builder.ts'
import {
  decodeUtf8,
  identifier,
  idForm,
  isObject,
  type Json,
  parseEnvelope,
  partOf,
  recipientOf,
  recipientsOf,
  required,
  subjectOf,
  textIn,
  timeIn,
} from '../fields.ts'
import type { Provider } from '../provider.ts'
import { isStandardSigned, signedIdIn } from '../standard-signature.ts'

export const resend: Provider = {
  name: 'resend',

  verify: (rawBody, headers, secrets) => isStandardSigned(rawBody, headers, secrets, 'svix'),

  parse(rawBody, receivedAt, headers) {
    const payload = decodeUtf8(rawBody)
    return eventsIn(payload, signedIdIn(headers, 'svix') ?? eventIdOf(payload), receivedAt)
  },
}

/**
 * The event in the JSON text of a webhook, or of Resend's log of webhooks.
 * @param id of the webhook's request.
 * @throws InvalidEventError
 */
export function eventsIn(payload: string, id: string, receivedAt: number): ReceivedEvent[] {
  const envelope = parseEnvelope(payload)
  const type = required('type', identifier, [envelope['type']])
  // Contacts, domains and inbound emails.
  if (!type.startsWith('email.') || type === 'email.received') return []
  const data = partOf(envelope, 'data')
  return [eventOf(type.slice('email.'.length), envelope, data, { id, payload, receivedAt })]
}

/** Our types by Resend's, where they differ. A type that neither knows is stored under its own name. */
const types = new Map([
  ['scheduled', 'queued'],
  ['delivery_delayed', 'bounced'],
  ['failed', 'bounced'],
  ['suppressed', 'bounced'],
])

function eventOf(
  resendType: string,
  envelope: Json,
  data: Json,
  parts: Pick<ReceivedEvent, 'id' | 'payload' | 'receivedAt'>,
): ReceivedEvent {
  const to = recipientsOf(data)
  const engagement = [data['open'], data['click']].find(isObject) ?? {}
  const type = types.get(resendType) ?? resendType
  return buildEvent({
    ...parts,
    provider: resend.name,
    emailId: required('email ID', idForm, [data['email_id']]),
    type,
    occurredAt: timeIn([envelope['created_at'], data['created_at']]) ?? parts.receivedAt,
    to,
    recipient: recipientOf(data, to),
    subject: subjectOf(data),
    bounce: type === 'bounced' ? bounceOf(resendType, data) : null,
    human: isHumanEngagement(type, textIn(engagement, ['userAgent'])),
    scheduledFor: resendType === 'scheduled' ? scheduledTimeIn(data, parts.receivedAt) : null,
    ...taggedOwnIds(data['tags']),
  })
}

/** Resend sends an email at most 30 days after it was accepted: resend.com/docs/dashboard/emails/schedule-email. */
const latestScheduleMs = 30 * 24 * 3_600_000

/** When Resend will send it, in an event or an answer of the API; if the time is not given, the latest time that Resend allows. */
export const scheduledTimeIn = (facts: Json, now: number): number =>
  timeIn([facts['scheduled_at'], facts['scheduledAt']]) ?? (timeIn([facts['created_at']]) ?? now) + latestScheduleMs

/**
 * The bounce in an event or an answer of the API. Resend has stopped trying, unless delivery is only delayed. `failed`: it did not send
 * the email, for a reason of the sender's or its own, such as a quota. `suppressed`: the address bounced or complained before.
 */
export function bounceOf(resendType: string, data: Json): ReceivedBounce {
  const details = [data['bounce'], data['failed'], data['suppressed']].find(isObject) ?? {}
  const { diagnosticCode } = details
  const reply = Array.isArray(diagnosticCode) ? diagnosticCode.join(' ') : textIn(details, ['diagnosticCode'])
  const message = reply || textIn(details, ['message', 'reason'])
  const facts = { message, isOver: resendType !== 'delivery_delayed' }
  if (resendType === 'suppressed') {
    return buildBounce({ ...facts, class: 'hard', word: resendType, subWord: textIn(details, ['type']) })
  }
  if (resendType !== 'bounced') return buildBounce({ ...facts, class: 'soft', word: resendType, subWord: message })
  // Permanent, Transient or Undetermined; absent in events of 2023.
  const type = textIn(details, ['type'])
  const bounceClass = classifyBounce({ type, code: codeIn(null, message) })
  return buildBounce({ ...facts, class: bounceClass, word: type || resendType, subWord: textIn(details, ['subType']) })
}
