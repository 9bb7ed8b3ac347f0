/** What an application knows an email by, besides the provider's ID: an ID of its own, and pairs of texts. */

export type Metadata = Readonly<Record<string, string>>

/** Of a registration, and of an event: as Stripe's metadata. */
export const metadataLimits = { pairs: 50, keyLength: 40, valueLength: 500 } as const

export const externalIdLength = 255

export interface OwnIds {
  /** Unique in the project among registered and sent emails. */
  readonly externalId: string | null
  /** Null for none. */
  readonly metadata: Metadata | null
}

/** The keys of a provider's custom fields whose value is the email's external ID. */
const externalIdKeys: readonly string[] = ['external_id', 'externalId']

// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is the point
const oneLine = /^[^\u0000-\u001f\u007f]+$/

/** Neither empty nor longer than the limit, and without what PostgreSQL cannot store. */
const isLine = (text: string, limit: number): boolean =>
  text.length <= limit && text.isWellFormed() && oneLine.test(text)

const isPair = ([key, value]: readonly [string, string]): boolean =>
  isLine(key, metadataLimits.keyLength) &&
  value.length <= metadataLimits.valueLength &&
  value.isWellFormed() &&
  !value.includes('\u0000')

/**
 * The external ID and the metadata in custom fields. Left out are fields beyond the limits: a webhook is not refused for them. Of more than
 * 50, the first ones by key are kept.
 */
export function ownIdsIn(fields: Iterable<readonly [key: string, value: string]>): OwnIds {
  const pairs = [...fields].filter(([, value]) => value !== '')
  const named = externalIdKeys.map((key) =>
    pairs.find(([name, value]) => name === key && isLine(value, externalIdLength)),
  )
  const externalId = named.find((pair) => pair !== undefined) ?? null
  const kept = pairs.filter((pair) => pair !== externalId && isPair(pair)).sort(byKey)
  return {
    externalId: externalId?.[1] ?? null,
    metadata: kept.length === 0 ? null : Object.fromEntries(kept.slice(0, metadataLimits.pairs)),
  }
}

const byKey = ([one]: readonly [string, string], [other]: readonly [string, string]): number => (one < other ? -1 : 1)

/**
 * What several events carry together, in whatever order: of different IDs, and of different values of one key, the smallest. The statement
 * that saves an email does the same (`merged_metadata`).
 */
export function mergedOwnIds(all: readonly OwnIds[]): OwnIds {
  const ids = all.flatMap(({ externalId }) => externalId ?? []).sort(inCodeUnits)
  const pairs = all
    .flatMap(({ metadata }) => Object.entries(metadata ?? {}))
    .sort(([, one], [, other]) => inCodeUnits(other, one))
  const merged = [...new Map(pairs)].sort(byKey).slice(0, metadataLimits.pairs)
  return { externalId: ids[0] ?? null, metadata: merged.length === 0 ? null : Object.fromEntries(merged) }
}

const inCodeUnits = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
