/**
 * Statements on the providers' own suppression lists as they were read last, and on how ours differs. Addresses of providers are stored as
 * keyed hashes: a person who is erased here may still be on a provider's list.
 */
import type { DifferenceReason } from '../domain/agreement.ts'
import { projectOf, suppressionListOf } from '../domain/project.ts'
import type { Database } from './database.ts'
import { iso } from './epoch-ms.ts'
import { erasedKeyOf } from './erased-address.ts'
import { Prisma } from './generated/client.ts'
import { type ProviderEntry, providerListAuthor } from './provider-lists.ts'

/**
 * Notes which addresses the provider's list has. Index: listed_addresses_pkey.
 * @param seenAt epoch milliseconds; of addresses that were just added to it, a time by which the provider shows them.
 */
export async function noteListed(
  db: Database,
  provider: string,
  entries: readonly Pick<ProviderEntry, 'address' | 'since'>[],
  seenAt: number,
): Promise<void> {
  await db.$executeRaw`
    INSERT INTO listed_addresses (provider, key, erased_key, since, seen_at)
    SELECT DISTINCT ON (key) ${provider}, key, erased, since, ${iso(seenAt)}::timestamptz
    FROM (SELECT recipient_key(${provider}, '', address) AS key, erased, since FROM unnest(
      ${entries.map(({ address }) => address)}::text[], ${entries.map(({ address }) => erasedKeyOf(db, address))}::text[],
      ${entries.map(({ since }) => (since === null ? null : iso(since)))}::timestamptz[]) AS given(address, erased, since)) AS keyed
    WHERE key IS NOT NULL ORDER BY key
    ON CONFLICT (provider, key) DO UPDATE SET erased_key = excluded.erased_key, since = excluded.since, gone_at = NULL,
      seen_at = greatest(listed_addresses.seen_at, excluded.seen_at)`
}

/** Notes which addresses the list had, and has no more. @param readFrom when reading the whole list began. Index: listed_addresses_pkey. */
export const noteGone = (db: Database, provider: string, readFrom: number): Promise<number> =>
  db.$executeRaw`
    UPDATE listed_addresses SET gone_at = now()
    WHERE provider = ${provider} AND gone_at IS NULL AND seen_at < ${iso(readFrom)}::timestamptz`

/** An active entry of our list, beside the provider's. */
export interface OwnListed {
  readonly id: bigint
  /** Or the keyed hash of an erased one. */
  readonly address: string
  readonly reason: string
  /** Why the lists differ; null if the provider's has it too. */
  readonly difference: DifferenceReason | null
  /** Whether it may follow the provider in removing: it is not there because of another provider, nor added again since. */
  readonly mayFollow: boolean
}

/** The next active entries of the list of the provider's project. Indexes: suppressions_pkey, listed_addresses_pkey, …_erased_key_idx. */
export function readOwnListed(db: Database, provider: string, after: string, limit: number): Promise<OwnListed[]> {
  return db.$queryRaw`
    SELECT own.id, own.address, own.reason,
           CASE WHEN listed.is_there THEN NULL
                WHEN listed.gone_at IS NOT NULL THEN 'removed_at_provider'
                WHEN own.address LIKE 'hmac-sha256:%' THEN 'erased_here'
                WHEN own.reason = 'manual' AND own.added_by IS DISTINCT FROM ${providerListAuthor} THEN 'added_by_hand'
                ELSE 'not_pushed' END AS difference,
           coalesce(own.provider, ${provider}) = ${provider} AND coalesce(own.created_at < listed.gone_at, false) AS "mayFollow"
    FROM (SELECT * FROM suppressions WHERE project = ${listOf(db, provider)} AND removed_at IS NULL AND id > ${after}::bigint
          ORDER BY id LIMIT ${limit}) AS own
    LEFT JOIN LATERAL (SELECT bool_or(gone_at IS NULL) AS is_there, max(gone_at) AS gone_at FROM (
      SELECT gone_at FROM listed_addresses WHERE provider = ${provider} AND key = recipient_key(${provider}, '', own.address)
      UNION ALL SELECT gone_at FROM listed_addresses WHERE provider = ${provider} AND erased_key = own.address) AS found) AS listed ON true
    ORDER BY own.id`
}

const listOf = (db: Database, provider: string): string => suppressionListOf(db, projectOf(provider))

/**
 * The next entries that were removed here, and that the provider's list has: the last one of each address.
 * Indexes: suppressions_pkey, suppressions_address_idx, listed_addresses_pkey.
 */
export const readRemovedHere = (
  db: Database,
  provider: string,
  after: string,
  limit: number,
): Promise<{ id: bigint; address: string }[]> =>
  db.$queryRaw`
    SELECT id, address FROM suppressions AS own
    WHERE project = ${listOf(db, provider)} AND removed_at IS NOT NULL AND id > ${after}::bigint
      AND NOT EXISTS (SELECT FROM suppressions AS other WHERE other.address = own.address AND other.project = own.project
                      AND (other.removed_at IS NULL OR other.id > own.id))
      AND EXISTS (SELECT FROM listed_addresses WHERE provider = ${provider} AND gone_at IS NULL
                  AND key = recipient_key(${provider}, '', own.address))
    ORDER BY id LIMIT ${limit}`

/** Ends active entries; they stay as history. Index: suppressions_pkey. @returns how many were active. */
export const removeEntries = (
  db: Database,
  ids: readonly bigint[],
  { by, note }: { readonly by: string | null; readonly note: string },
): Promise<number> =>
  ids.length === 0
    ? Promise.resolve(0)
    : db.$executeRaw`
        UPDATE suppressions SET removed_at = now(), removed_by = ${by}, removal_note = ${note}
        WHERE id IN (${Prisma.join([...ids])}) AND removed_at IS NULL`
