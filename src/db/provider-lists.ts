/** Statements that take over what a provider's own lists have. */
import { projectOf, suppressionListOf } from '../domain/project.ts'
import type { Database } from './database.ts'
import { iso } from './epoch-ms.ts'
import { erasedKeyOf } from './erased-address.ts'
import { Prisma } from './generated/client.ts'

/** An address on a provider's list. */
export interface ProviderEntry {
  /** Normalized. */
  readonly address: string
  readonly reason: string
  /** When the provider added it, epoch milliseconds; null if it does not say. */
  readonly since: number | null
}

/** Who adds them: shown beside the entry. */
export const providerListAuthor = 'provider list'

/**
 * Suppresses addresses that the provider does not send to, in the list of the provider's project. One that was removed from our list stays
 * removed, unless the provider added it again later. Index: suppressions_active_address_project, suppressions_address_idx.
 * @returns the number of added addresses.
 */
export const addFromProvider = (db: Database, provider: string, entries: readonly ProviderEntry[]): Promise<number> =>
  db.$executeRaw`
    INSERT INTO suppressions (project, address, reason, provider, added_by)
    SELECT DISTINCT ON (address) list, address, reason, ${provider}, ${providerListAuthor} ${missingHere(db, provider, entries)}
    ORDER BY address
    ON CONFLICT (project, address) WHERE removed_at IS NULL DO NOTHING`

/** How many addresses {@link addFromProvider} would add. */
export async function countMissingHere(
  db: Database,
  provider: string,
  entries: readonly ProviderEntry[],
): Promise<number> {
  const [row] = await db.$queryRaw<{ missing: number }[]>`
    SELECT count(DISTINCT address)::int AS missing ${missingHere(db, provider, entries)}`
  return row?.missing ?? 0
}

function missingHere(db: Database, provider: string, entries: readonly ProviderEntry[]): Prisma.Sql {
  const list = suppressionListOf(db, projectOf(provider))
  const sorted = entries.toSorted((a, b) => (a.address < b.address ? -1 : 1))
  return Prisma.sql`
    FROM unnest(${sorted.map(() => list)}::text[], ${sorted.map(({ address }) => address)}::text[],
                ${sorted.map(({ reason }) => reason)}::text[],
                ${sorted.map(({ address }) => erasedKeyOf(db, address))}::text[],
                ${sorted.map(({ since }) => (since === null ? null : iso(since)))}::timestamptz[])
      AS given(list, address, reason, erased, since)
    WHERE NOT EXISTS (
      SELECT FROM suppressions
      WHERE suppressions.address IN (given.address, given.erased) AND suppressions.project = given.list
        AND (removed_at IS NULL OR removed_at >= coalesce(since, '-infinity')))`
}
