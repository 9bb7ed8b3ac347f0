/** Statements on suppression lists for users and applications. `list` is the project that a list belongs to; the caller normalizes addresses. */
import { spellingsOf } from '../domain/address.ts'
import type { Database } from './database.ts'
import { erasedKeyOf } from './erased-address.ts'
import { Prisma, type Suppression } from './generated/client.ts'

/** The last row of a page. */
export interface SuppressionPosition {
  readonly createdAt: string
  readonly id: string
}

export const suppressionColumns = Prisma.sql`id, project, address, reason, provider, email_id AS "emailId", event_id AS "eventId",
  created_at AS "createdAt", removed_at AS "removedAt", added_by AS "addedBy", note,
  removed_by AS "removedBy", removal_note AS "removalNote"`

/** Who made a manual change, and why; null if not given. */
interface ManualChange {
  readonly by: string | null
  readonly note: string | null
}

const anonymous: ManualChange = { by: null, note: null }

/**
 * The active suppressions of `addresses`, stored under the address or under the keyed hash of an erased one. At most one per
 * address, with the requested address. Index: suppressions_active_address_project.
 */
export async function findActiveSuppressions(
  db: Database,
  list: string,
  addresses: readonly string[],
): Promise<Suppression[]> {
  const requested = new Map(addresses.flatMap((address) => suppressionKeysOf(db, address).map((key) => [key, address])))
  const rows = await db.$queryRaw<Suppression[]>`
    SELECT ${suppressionColumns} FROM suppressions
    WHERE project = ${list} AND address = ANY(${[...requested.keys()]}) AND removed_at IS NULL`
  const found = rows.map((row) => ({ ...row, address: requested.get(row.address) ?? row.address }))
  return [...new Map(found.map((row) => [row.address, row])).values()]
}

/** The forms in which the list may have an address: its spellings, and the keyed hashes of an erased one. */
export const suppressionKeysOf = (db: Database, address: string): string[] =>
  spellingsOf(address).flatMap((spelling) => {
    const erased = erasedKeyOf(db, spelling)
    return erased === null ? [spelling] : [spelling, erased]
  })

/**
 * Suppresses `address` manually, unless it is suppressed already. One statement, so that a concurrent removal takes effect before
 * or after it. Index: suppressions_active_address_project.
 * @returns the active suppression, and whether it is new.
 */
export async function addManualSuppression(
  db: Database,
  list: string,
  address: string,
  { by, note }: ManualChange = anonymous,
): Promise<{ suppression: Suppression; created: boolean }> {
  const [row] = await db.$queryRaw<(Suppression & { created: boolean })[]>`
    WITH known AS (
      SELECT ${suppressionColumns}, false AS created FROM suppressions
      WHERE project = ${list} AND address = ${erasedKeyOf(db, address)} AND removed_at IS NULL
    ), added AS (
      INSERT INTO suppressions (project, address, reason, added_by, note)
      SELECT ${list}, ${address}, 'manual', ${by}, ${note} WHERE NOT EXISTS (SELECT 1 FROM known)
      ON CONFLICT (project, address) WHERE removed_at IS NULL DO UPDATE SET address = excluded.address
      RETURNING ${suppressionColumns}, xmax = 0 AS created
    )
    SELECT * FROM known UNION ALL SELECT * FROM added`
  if (!row) throw new Error('INSERT … ON CONFLICT DO UPDATE returned no row')
  const { created, ...suppression } = row
  return { suppression, created }
}

/** An address and the reason of its suppression. */
interface SuppressionEntry {
  readonly address: string
  readonly reason: string
}

/**
 * Suppresses addresses that are not suppressed yet. Index: suppressions_active_address_project.
 * @returns their number.
 */
export function importSuppressions(db: Database, list: string, entries: readonly SuppressionEntry[]): Promise<number> {
  const { lists, addresses, reasons, erased } = arraysOf(db, list, entries)
  return db.$executeRaw`
    INSERT INTO suppressions (project, address, reason)
    SELECT list, address, reason
    FROM unnest(${lists}::text[], ${addresses}::text[], ${reasons}::text[], ${erased}::text[])
      AS given(list, address, reason, erased)
    WHERE NOT EXISTS (
      SELECT 1 FROM suppressions WHERE address = given.erased AND project = given.list AND removed_at IS NULL)
    ON CONFLICT (project, address) WHERE removed_at IS NULL DO NOTHING`
}

/** The number of addresses that {@link importSuppressions} would add. Index: suppressions_active_address_project. */
export async function countNewSuppressions(
  db: Database,
  list: string,
  entries: readonly SuppressionEntry[],
): Promise<number> {
  const { lists, addresses, erased } = arraysOf(db, list, entries)
  const [row] = await db.$queryRaw<{ added: number }[]>`
    SELECT count(DISTINCT given.address)::int AS added
    FROM unnest(${lists}::text[], ${addresses}::text[], ${erased}::text[]) AS given(list, address, erased)
    WHERE NOT EXISTS (SELECT 1 FROM suppressions
                      WHERE address IN (given.address, given.erased) AND project = given.list AND removed_at IS NULL)`
  return row?.added ?? 0
}

/** Sorted by address: two imports with common addresses could deadlock otherwise. */
function arraysOf(db: Database, list: string, entries: readonly SuppressionEntry[]) {
  const sorted = entries.toSorted((a, b) => (a.address < b.address ? -1 : 1))
  return {
    // With the list as one value, a plan without statistics reads the whole list for each batch.
    lists: sorted.map(() => list),
    addresses: sorted.map(({ address }) => address),
    reasons: sorted.map(({ reason }) => reason),
    erased: sorted.map(({ address }) => erasedKeyOf(db, address)),
  }
}

/**
 * Ends the active suppression of `address`; the row stays as history. Index: suppressions_active_address_project.
 * @returns whether it was suppressed.
 */
export async function removeSuppression(
  db: Database,
  list: string,
  address: string,
  { by, note }: ManualChange = anonymous,
): Promise<boolean> {
  const ended = await db.$executeRaw`
    UPDATE suppressions SET removed_at = now(), removed_by = ${by}, removal_note = ${note}
    WHERE project = ${list} AND address = ANY(${suppressionKeysOf(db, address)}) AND removed_at IS NULL`
  return ended > 0
}

/** Suppressions after `after`, newest first. Index: suppressions_created_at_id_idx; the filters apply to its rows. */
export function listSuppressions(
  db: Database,
  list: string,
  filter: { readonly reason?: string | undefined; readonly includeRemoved: boolean },
  after: SuppressionPosition | null,
  limit: number,
): Promise<Suppression[]> {
  const conditions = [
    Prisma.sql`project = ${list}`,
    filter.includeRemoved ? null : Prisma.sql`removed_at IS NULL`,
    filter.reason === undefined ? null : Prisma.sql`reason = ${filter.reason}`,
    after && Prisma.sql`(created_at, id) < (${after.createdAt}::timestamptz, ${after.id}::bigint)`,
  ].filter((condition) => condition !== null)
  return db.$queryRaw`SELECT ${suppressionColumns} FROM suppressions WHERE ${Prisma.join(conditions, ' AND ')} ORDER BY created_at DESC, id DESC LIMIT ${limit}`
}
