/**
 * Statements on the ledger of erasures: it says whom to erase again after a backup from before the erasure was restored. Index of all:
 * erasures_pkey.
 */
import type { Database } from './database.ts'
import { iso } from './epoch-ms.ts'
import { recordErasureKey } from './erasure-key.ts'

/** An entry of the ledger. */
export interface RecordedErasure {
  /** The keyed hash of the address: see {@link erasedKeyOf}. */
  readonly key: string
  readonly erasedAt: Date
}

type Transaction = Pick<Database, '$queryRaw' | '$executeRaw'>

/** Records an erasure of now. @returns the time through which events were searched for mentions; null for none. */
export async function recordErasure(db: Transaction, key: string): Promise<Date | null> {
  const [row] = await db.$queryRaw<{ searched_through: Date | null }[]>`
    INSERT INTO erasures AS existing (key, erased_at) VALUES (${key}, now())
    ON CONFLICT (key) DO UPDATE SET erased_at = greatest(existing.erased_at, excluded.erased_at)
    RETURNING searched_through`
  return row?.searched_through ?? null
}

/** Records the progress of the search for mentions. */
export const recordSearch = (db: Transaction, key: string, through: Date): Promise<number> =>
  db.$executeRaw`UPDATE erasures SET searched_through = ${iso(through)}::timestamptz WHERE key = ${key}`

/** Adds entries of an exported ledger, made with the key of `db`. Of two for a person, the later counts. */
export async function addErasures(db: Database, erasures: readonly RecordedErasure[]): Promise<void> {
  if (erasures.length === 0 || db.erasureKey === null) return
  await recordErasureKey(db, db.erasureKey)
  await db.$executeRaw`
    INSERT INTO erasures AS existing (key, erased_at)
    SELECT key, max(erased_at) FROM unnest(
      ${erasures.map(({ key }) => key)}::text[], ${erasures.map(({ erasedAt }) => iso(erasedAt))}::timestamptz[]) AS entry (key, erased_at)
    GROUP BY key
    ON CONFLICT (key) DO UPDATE SET erased_at = greatest(existing.erased_at, excluded.erased_at)`
}

/** A page of the ledger, in the order of the keys. */
export const readErasures = (db: Database, afterKey: string, limit: number): Promise<RecordedErasure[]> =>
  db.personErasure.findMany({
    select: { key: true, erasedAt: true },
    where: { key: { gt: afterKey } },
    orderBy: { key: 'asc' },
    take: limit,
  })
