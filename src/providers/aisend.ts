/**
 * AISend. Its webhook documentation promises 8 events, each with a timestamp, the email ID and metadata, signed with
 * `x-webhook-signature` = HMAC-SHA256 of the raw body. The exact JSON is not published, so parsing accepts what such
 * bodies commonly look like: type with or without `email.`, envelope flat or `{type, created_at, data: {…}}`.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import { normalizeAddress } from '../domain/address.ts'
import { classifyBounce } from '../domain/bounce-policy.ts'
import { isLikelyHuman } from '../domain/engagement-policy.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import { InvalidEventError, type Provider } from './provider.ts'

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

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** @throws InvalidEventError if the bytes are no UTF-8. */
export function decodeUtf8(rawBody: Buffer): string {
  try {
    return utf8.decode(rawBody)
  } catch {
    throw new InvalidEventError('the body is not UTF-8 text')
  }
}

/** Text that PostgreSQL can hold and people can read: no control characters, no half of a surrogate pair. */
export const identifier = z
  .string('is not text')
  .trim()
  .min(1, 'is empty')
  .max(255, 'is longer than 255 characters')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is the point
  .refine((text) => !/[\u0000-\u001f\u007f]/.test(text) && text.isWellFormed(), 'holds control or broken characters')

export const idForm = z.preprocess((id) => (Number.isSafeInteger(id) ? String(id) : id), identifier)

/** Epoch seconds stay below this until the year 5138; epoch milliseconds passed it in 1973. */
const firstMillisecondEpoch = 100_000_000_000
const [year2000, year2100] = [Date.UTC(2000), Date.UTC(2100)]

/** An ISO 8601 text, or epoch seconds or milliseconds, as epoch milliseconds. A text without a zone is UTC. */
export const instant = z
  .union([z.number(), z.string().transform(parseInstant)], 'is no time')
  .transform((time) => Math.round(time < firstMillisecondEpoch ? time * 1000 : time))
  .refine((time) => time >= year2000 && time < year2100, 'is no time between the years 2000 and 2100')

function parseInstant(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  return Date.parse(/T[\d:.]+$/.test(text) ? `${text}Z` : text)
}

export type Json = Readonly<Record<string, unknown>>

/** The JSON object that a text is. @throws InvalidEventError if it is anything else. */
export function parseEnvelope(text: string): Json {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new InvalidEventError('the body is not JSON')
  }
  if (!isObject(json)) throw new InvalidEventError('the body is not a JSON object')
  return json
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

/** As long as RFC 5322 §2.1.1 lets a line be. */
export const subjectOf = (facts: Json): string | null => textIn(facts, ['subject'])?.slice(0, 998) ?? null

export function recipientsOf(facts: Json): string[] {
  const to = Array.isArray(facts['to']) ? facts['to'] : [facts['to']]
  return to
    .map((entry) => (isObject(entry) ? textIn(entry, ['email', 'address']) : entry))
    .map((entry) => (typeof entry === 'string' ? normalizeAddress(entry) : null))
    .filter((address) => address !== null)
}

/** The one address that the event is about: named outright, or the only one it was sent to. */
export function recipientOf(facts: Json, to: readonly string[]): string | null {
  const bounce = facts['bounce']
  const named = textIn(isObject(bounce) ? { ...facts, ...bounce } : facts, ['recipient', 'email', 'address'])
  if (named !== null) return normalizeAddress(named)
  return to.length === 1 ? (to[0] ?? null) : null
}

export function bounceOf(facts: Json): ReceivedEvent['bounce'] {
  const nested = facts['bounce']
  const { type: _eventType, ...flat } = facts
  const evidence = isObject(nested) ? { ...flat, ...nested } : flat
  const type = textIn(evidence, ['bounce_type', 'bounceType', 'bounce_class', 'type', 'class'])
  const code = textIn(evidence, ['bounce_code', 'bounceCode', 'code', 'status_code', 'status'])
  return {
    class: classifyBounce({ type, code }),
    code: code !== null && /^[\w.-]{1,32}$/.test(code) ? code : null,
    message: textIn(evidence, ['message', 'reason', 'description', 'diagnostic'])?.slice(0, 2_000) ?? null,
  }
}

export const isObject = (value: unknown): value is Json =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** The first of `names` that holds text or a number, made fit for PostgreSQL; null if none does. */
export function textIn(facts: Json, names: readonly string[]): string | null {
  const value = names.map((name) => facts[name]).find((found) => typeof found === 'string' || typeof found === 'number')
  return value === undefined ? null : String(value).replaceAll('\u0000', '').toWellFormed().trim()
}

/** The first of `values` that is given, parsed; undefined if none is. */
export function first<T>(what: string, form: z.ZodType<T>, values: readonly unknown[]): T | undefined {
  const given = values.find((value) => value !== undefined && value !== null)
  if (given === undefined) return undefined
  const parsed = form.safeParse(given)
  if (!parsed.success) throw new InvalidEventError(`the ${what} ${parsed.error.issues[0]?.message ?? 'is malformed'}`)
  return parsed.data
}

export function required<T>(what: string, form: z.ZodType<T>, values: readonly unknown[]): T {
  const found = first(what, form, values)
  if (found === undefined) throw new InvalidEventError(`the event has no ${what}`)
  return found
}
