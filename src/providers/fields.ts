/** Reads fields of providers' JSON and validates them. */
import { z } from 'zod'
import { addressesIn, normalizeAddress } from '../domain/address.ts'
import { InvalidEventError } from './provider.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** @throws InvalidEventError if the bytes are not UTF-8. */
export function decodeUtf8(rawBody: Buffer): string {
  try {
    return utf8.decode(rawBody)
  } catch {
    throw new InvalidEventError('the body is not UTF-8 text')
  }
}

/** Text that PostgreSQL can store and people can read: no control characters, no lone surrogates. */
export const identifier = z
  .string('is not text')
  .trim()
  .min(1, 'is empty')
  .max(255, 'is longer than 255 characters')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is the point
  .refine((text) => !/[\u0000-\u001f\u007f]/.test(text) && text.isWellFormed(), 'holds control or invalid characters')

export const idForm = z.preprocess((id) => (Number.isSafeInteger(id) ? String(id) : id), identifier)

/** Epoch seconds stay below this until the year 5138; epoch milliseconds passed it in 1973. */
const firstMillisecondEpoch = 100_000_000_000
const [year2000, year2100] = [Date.UTC(2000), Date.UTC(2100)]

/**
 * ISO 8601 or as databases write it, epoch seconds or epoch milliseconds, as epoch milliseconds. A text without a zone is UTC,
 * whatever the server's zone is.
 */
const instant = z
  .union([z.number(), z.string().transform(parseInstant)], 'is not a time')
  .transform((time) => Math.round(time < firstMillisecondEpoch ? time * 1000 : time))
  .refine((time) => time >= year2000 && time < year2100, 'is not a time between the years 2000 and 2100')

/** `2026-11-30T10:00:00.5Z`, `2026-11-30 10:00:00+00`, `2026-11-30T10:00:00 +0000`. */
const isoForm = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?)? ?(?:Z|UTC|GMT|([+-]\d\d):?(\d\d)?)?$/i
const namedZone = /(?:[+-]\d\d:?\d\d|Z|UTC?|GMT)\)?$/i

function parseInstant(text: string): number {
  const trimmed = text.trim()
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed)
  const [isIso, date, time = '00:00', fraction = '0', hours = '+00', minutes = '00'] = isoForm.exec(trimmed) ?? []
  if (isIso !== undefined) {
    const seconds = time.length === 5 ? `${time}:00` : time
    return Date.parse(`${date}T${seconds}.${fraction.slice(0, 3)}${hours}:${minutes}`)
  }
  return Date.parse(namedZone.test(trimmed) ? trimmed : `${trimmed} UTC`)
}

/** The first of `values` that is a readable time; null if none is. */
export function timeIn(values: readonly unknown[]): number | null {
  for (const value of values) {
    const time = value === undefined || value === null ? undefined : instant.safeParse(value).data
    if (time !== undefined) return time
  }
  return null
}

/** `2026-12-01T10:30:00Z`: a time as APIs take it, rounded down to seconds. @param at epoch milliseconds. */
export const secondsText = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`

export type Json = Readonly<Record<string, unknown>>

/** PostgreSQL and JSON.stringify recurse into a value, and fail at a few thousand levels. */
const maxNesting = 200

/**
 * The value in a JSON text. Integers beyond 2^53, which JSON.parse would round, are read as text: some providers' IDs have 64 bits.
 * @throws InvalidEventError if the text is not JSON, or is nested too deeply to be stored.
 */
export function parseJson(text: string): unknown {
  try {
    const rounded: unknown = JSON.parse(text)
    const json = longInteger.test(text) ? JSON.parse(text.replace(stringOrLongInteger, quoteUnsafe)) : rounded
    // Each level takes two characters: most bodies are too short to be nested too deeply.
    if (text.length < 2 * maxNesting || isWithin(json, maxNesting)) return json
  } catch {
    throw new InvalidEventError('the body is not JSON')
  }
  throw new InvalidEventError(`the body is nested more than ${maxNesting} levels deep`)
}

/** Whether the text may hold a long integer; it may also be part of a string. */
const longInteger = /[:[,\s]-?[1-9]\d{15,}[\s,\]}]/
/** The text is known to be JSON, so each string ends. */
const stringOrLongInteger = /"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?[1-9]\d{15,}(?![\d.eE])/g

const quoteUnsafe = (token: string): string =>
  token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${token}"`

const isWithin = (json: unknown, levels: number): boolean =>
  typeof json !== 'object' ||
  json === null ||
  (levels > 0 && Object.values(json).every((value) => isWithin(value, levels - 1)))

/** The JSON in a text, as {@link parseJson} reads it; undefined if it is not JSON. */
export function jsonIn(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

/** The JSON object in a text. @throws InvalidEventError if it is anything else. */
export function parseEnvelope(text: string): Json {
  const json = parseJson(text)
  if (!isObject(json)) throw new InvalidEventError('the body is not a JSON object')
  return json
}

/** Limited to the length of a line by RFC 5322 §2.1.1. */
export const subjectOf = (facts: Json): string | null => textIn(facts, ['subject'])?.slice(0, 998) ?? null

export function recipientsOf(facts: Json): string[] {
  const to = Array.isArray(facts['to']) ? facts['to'] : [facts['to']]
  return to
    .map((entry) => (isObject(entry) ? textIn(entry, ['email', 'address']) : entry))
    .flatMap((entry) => (typeof entry === 'string' ? addressesIn(entry) : []))
}

/** At most so many tags of one event are stored, each of at most so many characters: the limits of a registration. */
const [tagLimit, tagLengthLimit] = [50, 256]

/**
 * The tags of an email: text, a list of texts or of names and values, or an object. As an application registers them: a name, or
 * `name:value`. The value `true` is left out.
 */
export function tagsIn(value: unknown): string[] {
  const entries = Array.isArray(value) ? value : isObject(value) ? Object.entries(value) : [value]
  const tags = entries.flatMap(tagOf).filter((tag) => tag !== '' && tag.length <= tagLengthLimit)
  return [...new Set(tags)].slice(0, tagLimit)
}

function tagOf(entry: unknown): string[] {
  const pair = isObject(entry) ? [entry['name'], entry['value']] : entry
  const [name, ...values] = Array.isArray(pair) ? pair.flat() : [pair]
  const [text, ...texts] = [name, ...values].map((part) => textIn({ part }, ['part']) ?? '')
  if (!text) return []
  const named = texts.map((found) => (found === '' || found === 'true' ? text : `${text}:${found}`))
  return named.length === 0 ? [text] : named
}

/** The address that the event names, else the only address that the email was sent to. */
export function recipientOf(facts: Json, to: readonly string[]): string | null {
  const bounce = facts['bounce']
  const named = textIn(isObject(bounce) ? { ...facts, ...bounce } : facts, ['recipient', 'email', 'address'])
  if (named !== null) return normalizeAddress(named)
  return to.length === 1 ? (to[0] ?? null) : null
}

/** The object in a field; an empty one if there is none. */
export const partOf = (facts: Json, field: string): Json => {
  const part = facts[field]
  return isObject(part) ? part : {}
}

export const isObject = (value: unknown): value is Json =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** The first of `names` that holds text or a number, without what PostgreSQL cannot store; null if none does. */
export function textIn(facts: Json, names: readonly string[]): string | null {
  const value = names.map((name) => facts[name]).find((found) => typeof found === 'string' || typeof found === 'number')
  return value === undefined ? null : String(value).replaceAll('\u0000', '').toWellFormed().trim()
}

/** The first of `values` that is present, parsed; undefined if none is. */
export function first<T>(what: string, form: z.ZodType<T>, values: readonly unknown[]): T | undefined {
  const given = values.find((value) => value !== undefined && value !== null)
  if (given === undefined) return undefined
  const parsed = form.safeParse(given)
  if (!parsed.success) throw new InvalidEventError(`the ${what} ${parsed.error.issues[0]?.message ?? 'is invalid'}`)
  return parsed.data
}

export function required<T>(what: string, form: z.ZodType<T>, values: readonly unknown[]): T {
  const found = first(what, form, values)
  if (found === undefined) throw new InvalidEventError(`the event has no ${what}`)
  return found
}
