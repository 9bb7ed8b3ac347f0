/**
 * AISend. Its webhook documentation promises 8 events, each with a timestamp, the email ID and metadata, signed with
 * `x-webhook-signature` = HMAC-SHA256 of the raw body. The exact JSON is not published, so parsing accepts what such
 * bodies commonly look like: type with or without `email.`, envelope flat or `{type, created_at, data: {…}}`.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
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
  recipientOf,
  recipientsOf,
  required,
  subjectOf,
  textIn,
} from './fields.ts'
import type { Provider } from './provider.ts'
import { toldBounce } from './told-event.ts'

export const aisend = {
  name: 'aisend',

  verify(rawBody, headers, secrets) {
    const presented = presentedSignature(headers)
    if (presented === null) return false
    // Every secret is tried, so that the time taken does not tell which one signed.
    return secrets.reduce((genuine, secret) => timingSafeEqual(hmac(rawBody, secret), presented) || genuine, false)
  },

  parse(rawBody, receivedAt) {
    const text = decodeUtf8(rawBody)
    const envelope = parseEnvelope(text)
    return [eventOf(envelope, text, rawBody, receivedAt)]
  },
} satisfies Provider

/** The signature that AISend would send for these bytes, in hex. For tests, `npm run sign` and the simulator. */
export const signAisend = (rawBody: Buffer | string, secret: string): string => hmac(rawBody, secret).toString('hex')

const hmac = (rawBody: Buffer | string, secret: string): Buffer => createHmac('sha256', secret).update(rawBody).digest()

const hexSha256 = /^[0-9a-f]{64}$/i
const base64Sha256 = /^[A-Za-z0-9+/]{43}=?$/

/** The 32 bytes that the header claims; null for anything else, since `Buffer.from` cuts bad input silently. */
function presentedSignature(headers: IncomingHttpHeaders): Buffer | null {
  const header = headers['x-webhook-signature']
  if (typeof header !== 'string') return null
  const signature = header.trim().replace(/^sha256=/i, '')
  if (hexSha256.test(signature)) return Buffer.from(signature, 'hex')
  return base64Sha256.test(signature) ? Buffer.from(signature, 'base64') : null
}

function eventOf(envelope: Json, text: string, rawBody: Buffer, receivedAt: number): ReceivedEvent {
  const data = nestedIn(envelope)
  const facts = { ...envelope, ...data }
  const to = recipientsOf(facts)
  const type = plainWord(required('type', identifier, [envelope['type'], envelope['event'], envelope['event_type']]))
  return {
    provider: aisend.name,
    id: eventIdOf(envelope, data) ?? createHash('sha256').update(rawBody).digest('hex'),
    emailId: required('email ID', idForm, [facts['email_id'], facts['emailId'], data['id']]),
    type,
    occurredAt:
      first(
        'timestamp',
        instant,
        instantNames.map((name) => facts[name]),
      ) ?? receivedAt,
    receivedAt,
    to,
    recipient: recipientOf(facts, to),
    subject: subjectOf(facts),
    bounce: type === 'bounced' ? bounceOf(facts) : null,
    human: (type === 'opened' || type === 'clicked') && isLikelyHuman(textIn(facts, ['user_agent', 'userAgent'])),
    payload: text,
  }
}

const instantNames = ['created_at', 'createdAt', 'timestamp', 'occurred_at', 'occurredAt']

/** What stands in `data` (or `metadata`): empty for the flat form. */
function nestedIn(envelope: Json): Json {
  const nested = envelope['data'] ?? envelope['metadata']
  return isObject(nested) ? nested : {}
}

/** A top-level `id` is the event's, never the email's. */
const eventIdOf = (envelope: Json, data: Json): string | undefined =>
  first('event ID', idForm, [
    envelope['id'],
    envelope['event_id'],
    envelope['eventId'],
    data['event_id'],
    data['eventId'],
  ])

/** A type or status without its `email.` prefix, in lower case. */
export const plainWord = (word: string): string => word.toLowerCase().replace(/^email[._]/, '')

export function bounceOf(facts: Json): ReceivedEvent['bounce'] {
  const nested = facts['bounce']
  const { type: _eventType, ...flat } = facts
  const evidence = isObject(nested) ? { ...flat, ...nested } : flat
  const type = textIn(evidence, ['bounce_type', 'bounceType', 'bounce_class', 'type', 'class'])
  const code = textIn(evidence, ['bounce_code', 'bounceCode', 'code', 'status_code', 'status'])
  const message = textIn(evidence, ['message', 'reason', 'description', 'diagnostic'])
  return toldBounce(classifyBounce({ type, code }), code, message)
}
