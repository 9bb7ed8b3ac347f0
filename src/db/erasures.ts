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
  /** The one from which the person was erased; null: all. */
  readonly project: string | null
  readonly erasedAt: Date
}

/** As it is stored. */
const projectColumnOf = (project: string | null): string => project ?? ''

type Transaction = Pick<Database, '$queryRaw' | '$executeRaw'>

/** Records an erasure of now. @returns the time through which events were searched for mentions; null for none. */
export async function recordErasure(db: Transaction, key: string, project: string | null): Promise<Date | null> {
  const [row] = await db.$queryRaw<{ searched_through: Date | null }[]>`
    INSERT INTO erasures AS existing (key, project, erased_at) VALUES (${key}, ${projectColumnOf(project)}, now())
    ON CONFLICT (key, project) DO UPDATE SET erased_at = greatest(existing.erased_at, excluded.erased_at)
    RETURNING searched_through`
  return row?.searched_through ?? null
}

/** Records the progress of the search for mentions. */
export const recordSearch = (db: Database, key: string, through: Date): Promise<number> => db.$executeRaw`
  UPDATE erasures SET searched_through = ${iso(through)}::timestamptz
  WHERE key = ${key} AND project = ${projectColumnOf(db.project)}`

/** Adds entries of an exported ledger, made with the key of `db`. Of two for a person, the later counts. */
export async function addErasures(db: Database, erasures: readonly RecordedErasure[]): Promise<void> {
  if (erasures.length === 0 || db.erasureKey === null) return
  await recordErasureKey(db, db.erasureKey)
  await db.$executeRaw`
    INSERT INTO erasures AS existing (key, project, erased_at)
    SELECT key, project, max(erased_at) FROM unnest(
      ${erasures.map(({ key }) => key)}::text[], ${erasures.map(({ project }) => projectColumnOf(project))}::text[],
      ${erasures.map(({ erasedAt }) => iso(erasedAt))}::timestamptz[]) AS entry (key, project, erased_at)
    GROUP BY key, project
    ON CONFLICT (key, project) DO UPDATE SET erased_at = greatest(existing.erased_at, excluded.erased_at)`
}

/** The projects with entries of their own in the ledger; null for those of all. */
export async function readErasureProjects(db: Database): Promise<(string | null)[]> {
  const rows = await db.personErasure.findMany({ distinct: ['project'], select: { project: true } })
  return rows.map(({ project }) => project || null)
}

/** A page of the entries of a project, or of those of all, in the order of the keys. */
export async function readErasures(
  db: Database,
  project: string | null,
  afterKey: string,
  limit: number,
): Promise<RecordedErasure[]> {
  const rows = await db.personErasure.findMany({
    select: { key: true, erasedAt: true },
    where: { project: projectColumnOf(project), key: { gt: afterKey } },
    orderBy: { key: 'asc' },
    take: limit,
  })
  return rows.map((row) => ({ ...row, project }))
}
