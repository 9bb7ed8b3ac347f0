/** Reading what providers write: each field with what it may be, whatever JSON comes. */
import { z } from 'zod'
import { normalizeAddress } from '../domain/address.ts'
import { InvalidEventError } from './provider.ts'

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

/** PostgreSQL and JSON.stringify go down into a value by recursion, and fail at some thousands of levels. */
const deepestNesting = 200

/** What a text says in JSON. @throws InvalidEventError if it is none, or is nested deeper than what follows can hold. */
export function parseJson(text: string): unknown {
  try {
    const json: unknown = JSON.parse(text)
    // Each level takes two characters: most bodies are too short to be deep.
    if (text.length < 2 * deepestNesting || isWithin(json, deepestNesting)) return json
  } catch {
    throw new InvalidEventError('the body is not JSON')
  }
  throw new InvalidEventError(`the body is nested more than ${deepestNesting} levels deep`)
}

const isWithin = (json: unknown, levels: number): boolean =>
  typeof json !== 'object' ||
  json === null ||
  (levels > 0 && Object.values(json).every((value) => isWithin(value, levels - 1)))

/** The JSON object that a text is. @throws InvalidEventError if it is anything else. */
export function parseEnvelope(text: string): Json {
  const json = parseJson(text)
  if (!isObject(json)) throw new InvalidEventError('the body is not a JSON object')
  return json
}

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

/** The object that stands in a field; an empty one if none does. */
export const partOf = (facts: Json, field: string): Json => {
  const part = facts[field]
  return isObject(part) ? part : {}
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
