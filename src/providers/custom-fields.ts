/** Reads what an application has put into its provider's custom fields: its own ID of the email, and pairs of texts. */
import { type OwnIds, ownIdsIn } from '../domain/own-ids.ts'
import { isObject, tagsIn, textIn } from './fields.ts'

/** Of pairs in an object. Values that are no text, number or truth value are left out. */
export const ownIdsOf = (fields: unknown): OwnIds =>
  isObject(fields) ? ownIdsIn(Object.entries(fields).flatMap(([key, value]) => pairOf(key, value))) : ownIdsIn([])

function pairOf(key: string, value: unknown): [key: string, value: string][] {
  const text = typeof value === 'boolean' ? String(value) : textIn({ value }, ['value'])
  return text === null ? [] : [[key, text]]
}

/** The names of tags by which Aftersend hands metadata to a provider whose tags are its only custom fields. */
export const metadataTagPrefix = 'metadata_'

/**
 * Of tags with names and values: an object, or a list of pairs. A pair is metadata and, as ever, a tag. The external ID is no tag, and
 * neither is what Aftersend itself has handed over as metadata: statistics by tag are no use with a tag for each email.
 */
export function taggedOwnIds(tags: unknown): OwnIds & { readonly tags: string[] } {
  const entries = Array.isArray(tags) ? tags : isObject(tags) ? Object.entries(tags) : [tags]
  const pairs = entries.map(namedIn)
  return {
    tags: tagsIn(entries.filter((_, index) => !isOwnName(pairs[index]?.[0] ?? ''))),
    ...ownIdsIn(pairs.flatMap((pair) => (pair ? metadataPairOf(...pair) : []))),
  }
}

const isOwnName = (name: string): boolean => /^external_?id$/i.test(name) || name.startsWith(metadataTagPrefix)

/** A name without a value, and `true`, which providers without such tags get as a value, are tags only. */
const metadataPairOf = (name: string, value: unknown): [string, string][] =>
  pairOf(name.startsWith(metadataTagPrefix) ? name.slice(metadataTagPrefix.length) : name, value).filter(
    ([, text]) => text !== 'true',
  )

/** Of several values, the first. */
function namedIn(entry: unknown): [name: string, value: unknown] | null {
  const [name, value] = isObject(entry) ? [entry['name'], entry['value']] : Array.isArray(entry) ? entry : [entry]
  return typeof name === 'string' ? [name, Array.isArray(value) ? value[0] : value] : null
}

/** Where metadata has the Message-ID of an email that the provider names otherwise. */
export const messageIdKey = 'message-id'

/** An ID that may be in angle brackets, as the header Message-ID has it, without them. */
export const withoutAngleBrackets = (id: string): string => id.replace(/^<(.*)>$/, '$1')

/** A Message-ID without its angle brackets; null for anything else. */
export function messageIdIn(text: string | null): string | null {
  const [, id = null] = /^<?([^<>\s@]+@[^<>\s@]+)>?$/.exec(text ?? '') ?? []
  return id
}
