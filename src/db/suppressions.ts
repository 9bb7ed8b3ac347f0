/** Statements on the suppression list as people and applications use it. Addresses are normalized by the caller. */
import type { Database } from './database.ts'
import { erasedKeyOf } from './erased-address.ts'
import { Prisma, type Suppression } from './generated/client.ts'

/** Where the next page begins: after this row. */
export interface SuppressionPosition {
  readonly createdAt: string
  readonly id: string
}

const columns = Prisma.sql`id, address, reason, provider, email_id AS "emailId", event_id AS "eventId",
  created_at AS "createdAt", removed_at AS "removedAt", added_by AS "addedBy", note,
  removed_by AS "removedBy", removal_note AS "removalNote"`

/** Who did it by hand, and why: for colleagues. Null where nobody says. */
export interface Hand {
  readonly by: string | null
  readonly note: string | null
}

const nobody: Hand = { by: null, note: null }

/**
 * What suppresses any of `addresses` now, whether it is kept under the address or, since its owner was erased, under a
 * keyed hash; at most one row per address, with the address that was asked for. Index: suppressions_active_address.
 */
export async function findActiveSuppressions(db: Database, addresses: readonly string[]): Promise<Suppression[]> {
  const asked = new Map(addresses.flatMap((address) => keysOf(db, address).map((key) => [key, address])))
  const rows = await db.$queryRaw<Suppression[]>`
    SELECT ${columns} FROM suppressions WHERE address = ANY(${[...asked.keys()]}) AND removed_at IS NULL`
  const found = rows.map((row) => ({ ...row, address: asked.get(row.address) ?? row.address }))
  return [...new Map(found.map((row) => [row.address, row])).values()]
}

/** What an address may stand under in the list. */
function keysOf(db: Database, address: string): string[] {
  const erased = erasedKeyOf(db, address)
  return erased === null ? [address] : [address, erased]
}

/**
 * Suppresses `address` by hand; an address that is suppressed already stays as it is. One statement, so that a removal at
 * the same moment comes wholly before or after it. Index: suppressions_active_address.
 * @returns what suppresses the address now, and whether that is new.
 */
export async function addManualSuppression(
  db: Database,
  address: string,
  { by, note }: Hand = nobody,
): Promise<{ suppression: Suppression; created: boolean }> {
  const [row] = await db.$queryRaw<(Suppression & { created: boolean })[]>`
    WITH known AS (
      SELECT ${columns}, false AS created FROM suppressions
      WHERE address = ${erasedKeyOf(db, address)} AND removed_at IS NULL
    ), added AS (
      INSERT INTO suppressions (address, reason, added_by, note)
      SELECT ${address}, 'manual', ${by}, ${note} WHERE NOT EXISTS (SELECT 1 FROM known)
      ON CONFLICT (address) WHERE removed_at IS NULL DO UPDATE SET address = excluded.address
      RETURNING ${columns}, xmax = 0 AS created
    )
    SELECT * FROM known UNION ALL SELECT * FROM added`
  if (!row) throw new Error('INSERT … ON CONFLICT DO UPDATE returned no row')
  const { created, ...suppression } = row
  return { suppression, created }
}

/** An address with the reason to suppress it for. */
interface Suppressing {
  readonly address: string
  readonly reason: string
}

/**
 * Suppresses addresses; those that are suppressed already stay as they are. Index: suppressions_active_address.
 * @returns how many were not.
 */
export function importSuppressions(db: Database, entries: readonly Suppressing[]): Promise<number> {
  const { addresses, reasons, erased } = arraysOf(db, entries)
  return db.$executeRaw`
    INSERT INTO suppressions (address, reason)
    SELECT address, reason
    FROM unnest(${addresses}::text[], ${reasons}::text[], ${erased}::text[]) AS given(address, reason, erased)
    WHERE NOT EXISTS (SELECT 1 FROM suppressions WHERE address = given.erased AND removed_at IS NULL)
    ON CONFLICT (address) WHERE removed_at IS NULL DO NOTHING`
}

/** How many of these addresses {@link importSuppressions} would add. Index: suppressions_active_address. */
export async function countNewSuppressions(db: Database, entries: readonly Suppressing[]): Promise<number> {
  const { addresses, erased } = arraysOf(db, entries)
  const [row] = await db.$queryRaw<{ added: number }[]>`
    SELECT count(DISTINCT given.address)::int AS added
    FROM unnest(${addresses}::text[], ${erased}::text[]) AS given(address, erased)
    WHERE NOT EXISTS (SELECT 1 FROM suppressions WHERE address IN (given.address, given.erased) AND removed_at IS NULL)`
  return row?.added ?? 0
}

/** In the order of the addresses: two imports that share some would otherwise wait for each other. */
function arraysOf(db: Database, entries: readonly Suppressing[]) {
  const sorted = entries.toSorted((a, b) => (a.address < b.address ? -1 : 1))
  return {
    addresses: sorted.map(({ address }) => address),
    reasons: sorted.map(({ reason }) => reason),
    erased: sorted.map(({ address }) => erasedKeyOf(db, address)),
  }
}

/**
 * Ends what suppresses `address`; the row stays, as history. Index: suppressions_active_address.
 * @returns whether it was suppressed.
 */
export async function removeSuppression(db: Database, address: string, { by, note }: Hand = nobody): Promise<boolean> {
  const ended = await db.$executeRaw`
    UPDATE suppressions SET removed_at = now(), removed_by = ${by}, removal_note = ${note}
    WHERE address = ANY(${keysOf(db, address)}) AND removed_at IS NULL`
  return ended > 0
}

/** Suppressions after `after`, newest first. Index: suppressions_created_at_id_idx; the filters narrow what it yields. */
export function listSuppressions(
  db: Database,
  filter: { readonly reason?: string | undefined; readonly includeRemoved: boolean },
  after: SuppressionPosition | null,
  limit: number,
): Promise<Suppression[]> {
  const conditions = [
    filter.includeRemoved ? null : Prisma.sql`removed_at IS NULL`,
    filter.reason === undefined ? null : Prisma.sql`reason = ${filter.reason}`,
    after && Prisma.sql`(created_at, id) < (${after.createdAt}::timestamptz, ${after.id}::bigint)`,
  ].filter((condition) => condition !== null)
  const where = conditions.length === 0 ? Prisma.empty : Prisma.sql`WHERE ${Prisma.join(conditions, ' AND ')}`
  return db.$queryRaw`SELECT ${columns} FROM suppressions ${where} ORDER BY created_at DESC, id DESC LIMIT ${limit}`
}
