/** The SQL by which emails get external IDs and metadata, from events and registrations in whatever order. */
import { Prisma } from './generated/client.ts'

/** Aggregates over rows with these columns; both are null if no row has a value. */
export const aggregatedOwnIds = `min(external_id COLLATE "C") AS external_id,
  CASE WHEN bool_or(metadata IS NOT NULL) THEN merged_metadata(array_agg(metadata) FILTER (WHERE metadata IS NOT NULL)) END AS metadata`

/** The same as columns of a row. */
export const carriedBy = (rows: string): string =>
  `(SELECT min(external_id COLLATE "C") FROM ${rows}) AS external_id,
   CASE WHEN EXISTS (SELECT FROM ${rows} WHERE metadata IS NOT NULL)
        THEN merged_metadata(ARRAY(SELECT metadata FROM ${rows} WHERE metadata IS NOT NULL)) END AS metadata`

/**
 * Assignments that add what events carry. What the application has registered is never replaced, and data of an erased email never
 * restored.
 */
export const withCarried = (existing: string, carried: string): string => `
  external_id = CASE WHEN ${existing}.erased_at IS NULL
    THEN coalesce(${existing}.registered_external_id, least(${existing}.external_id COLLATE "C", ${carried}.external_id COLLATE "C"))
    ELSE ${existing}.external_id END,
  metadata = CASE WHEN ${existing}.erased_at IS NOT NULL OR ${carried}.metadata IS NULL OR ${existing}.metadata @> ${carried}.metadata
    THEN ${existing}.metadata
    ELSE merged_metadata(ARRAY[${existing}.metadata, ${carried}.metadata]) || coalesce(${existing}.registered_metadata, '{}') END`

/** Assignments that add what a registration names: the latest ID, and the latest value of each key. */
export const withRegistered = Prisma.sql`
  registered_external_id = CASE WHEN existing.erased_at IS NULL
    THEN coalesce(excluded.registered_external_id, existing.registered_external_id) ELSE existing.registered_external_id END,
  external_id = CASE WHEN existing.erased_at IS NULL
    THEN coalesce(excluded.registered_external_id, existing.external_id) ELSE existing.external_id END,
  registered_metadata = CASE WHEN existing.erased_at IS NULL AND excluded.registered_metadata IS NOT NULL
    THEN coalesce(existing.registered_metadata, '{}') || excluded.registered_metadata ELSE existing.registered_metadata END,
  metadata = CASE WHEN existing.erased_at IS NULL AND excluded.registered_metadata IS NOT NULL
    THEN merged_metadata(ARRAY[existing.metadata, excluded.registered_metadata]) || coalesce(existing.registered_metadata, '{}')
      || excluded.registered_metadata
    ELSE existing.metadata END`

/** An ID of the application stays when a person is erased, as the provider's ID does, unless it names the address. */
export const unlessNaming = (address: string, column = 'external_id'): Prisma.Sql =>
  Prisma.sql`CASE WHEN strpos(lower(${Prisma.raw(column)}), ${address}) = 0 THEN ${Prisma.raw(column)} END`

/**
 * Assignments that erase what names the address from an email.
 * @param isKept whether the pairs that do not name it are kept.
 */
export function withoutNaming(address: string, isKept: Prisma.Sql): Prisma.Sql {
  const pairs = (column: string) => Prisma.sql`CASE WHEN ${isKept} THEN (
    SELECT jsonb_object_agg(key, value) FROM jsonb_each_text(${Prisma.raw(column)})
    WHERE strpos(lower(key || ' ' || value), ${address}) = 0) END`
  return Prisma.sql`
    external_id = ${unlessNaming(address)}, registered_external_id = ${unlessNaming(address, 'registered_external_id')},
    metadata = ${pairs('metadata')}, registered_metadata = ${pairs('registered_metadata')}`
}
