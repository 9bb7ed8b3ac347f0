/**
 * Resend. Events and payloads: resend.com/docs/webhooks/event-types and Resend's OpenAPI; signed by Svix, whose scheme is
 * that of Standard Webhooks under other header names.
 */
import { classifyBounce } from '../domain/bounce-policy.ts'
import { isLikelyHuman } from '../domain/engagement-policy.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import {
  decodeUtf8,
  first,
  identifier,
  idForm,
  instant,
  isObject,
  type Json,
  parseEnvelope,
  partOf,
  recipientOf,
  recipientsOf,
  required,
  subjectOf,
  textIn,
} from './fields.ts'
import type { Provider, Sign } from './provider.ts'
import { isStandardSigned, signedIdIn, signStandard } from './standard-signature.ts'
import { deferral, eventIdOf, smtpCodeIn, toldBounce, toldEvent } from './told-event.ts'

export const resend: Provider = {
  name: 'resend',

  verify: (rawBody, headers, secrets) => isStandardSigned(rawBody, headers, secrets, 'svix'),

  parse(rawBody, receivedAt, headers) {
    const payload = decodeUtf8(rawBody)
    const envelope = parseEnvelope(payload)
    const type = required('type', identifier, [envelope['type']])
    // Contacts, domains, and emails that came in: nothing of the life of an email that was sent.
    if (!type.startsWith('email.') || type === 'email.received') return []
    const data = partOf(envelope, 'data')
    const id = signedIdIn(headers, 'svix') ?? eventIdOf(payload)
    return [eventOf(type.slice('email.'.length), envelope, data, { id, payload, receivedAt })]
  },
}

/** The request that Resend would send: `body` is the event as its docs show it. */
export const signResend: Sign = (body, secret, signedAt) => signStandard(body, secret, signedAt, 'svix')

/** Resend's words that are not ours. A word that stands here neither is stored as it is. */
const ourTypes: Readonly<Record<string, string>> = {
  scheduled: 'queued',
  delivery_delayed: 'bounced',
  failed: 'bounced',
  suppressed: 'bounced',
}

function eventOf(
  word: string,
  envelope: Json,
  data: Json,
  parts: Pick<ReceivedEvent, 'id' | 'payload' | 'receivedAt'>,
): ReceivedEvent {
  const to = recipientsOf(data)
  const saysNothingOfRecipient = word === 'delivery_delayed' || word === 'failed'
  const engagement = [data['open'], data['click']].find(isObject) ?? {}
  return toldEvent({
    ...parts,
    provider: resend.name,
    emailId: required('email ID', idForm, [data['email_id']]),
    type: Object.hasOwn(ourTypes, word) ? (ourTypes[word] ?? word) : word,
    occurredAt: first('created_at', instant, [envelope['created_at'], data['created_at']]) ?? parts.receivedAt,
    to,
    recipient: saysNothingOfRecipient ? null : recipientOf(data, to),
    subject: subjectOf(data),
    bounce: bounceOf(word, data),
    human: (word === 'opened' || word === 'clicked') && isLikelyHuman(textIn(engagement, ['userAgent'])),
  })
}

function bounceOf(word: string, data: Json): ReceivedEvent['bounce'] {
  const told = [data['bounce'], data['failed'], data['suppressed']].find(isObject) ?? {}
  const message = textIn(told, ['message', 'reason'])
  if (word === 'delivery_delayed' || word === 'failed') return deferral(smtpCodeIn(message), message)
  if (word !== 'bounced' && word !== 'suppressed') return null
  const diagnostic = Array.isArray(told['diagnosticCode']) ? told['diagnosticCode'].join(' ') : null
  const code = smtpCodeIn(diagnostic) ?? smtpCodeIn(message)
  // Permanent, Transient or Undetermined; what Resend suppresses bounced hard or complained before.
  const type = word === 'suppressed' ? word : textIn(told, ['type'])
  return toldBounce(classifyBounce({ type, code }), code, message)
}
