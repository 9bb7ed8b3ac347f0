/** Where the entries are in a body: it holds one event, or a batch of them. */
import { decodeUtf8, isObject, type Json, parseEnvelope, parseJson } from './fields.ts'
import { InvalidEventError } from './provider.ts'

interface FoundEntries {
  /** Those of a batch: an unreadable one is quarantined, and the others are not affected. */
  readonly entries: readonly unknown[]
  /** The only event of a body, which is refused if it is unreadable, with the text that is stored as its payload. */
  readonly only?: { readonly entry: Json; readonly payload: string }
}

/** @throws InvalidEventError if the body has not the provider's form. */
export type Entries = (rawBody: Buffer) => FoundEntries

/** The body is one event. */
export const oneEntry: Entries = (rawBody) => {
  const payload = decodeUtf8(rawBody)
  return { entries: [], only: { entry: parseEnvelope(payload), payload } }
}

/** The body is a list of events. */
export const listOfEntries: Entries = (rawBody) => ({ entries: listIn(parseJson(decodeUtf8(rawBody)), 'the body') })

/** The body is an event or a list of events, as the customer has set. */
export const oneOrMoreEntries: Entries = (rawBody) => {
  const payload = decodeUtf8(rawBody)
  const json = parseJson(payload)
  return isObject(json) ? { entries: [], only: { entry: json, payload } } : { entries: listIn(json, 'the body') }
}

/** The body is an object with the events in a list. */
export const entriesInField =
  (field: string): Entries =>
  (rawBody) => ({ entries: listIn(parseEnvelope(decodeUtf8(rawBody))[field], field) })

function listIn(json: unknown, what: string): unknown[] {
  if (Array.isArray(json)) return json
  throw new InvalidEventError(`${what} is not a JSON array of events`)
}
