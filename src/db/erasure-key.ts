/** Which key erased people are kept under: a process with another one, or none, would not recognise them. */
import { createHmac } from 'node:crypto'
import { ConfigurationError } from '../errors.ts'
import type { Database } from './database.ts'

const fingerprintOf = (erasureKey: string): string =>
  createHmac('sha256', erasureKey).update('aftersend erasure key').digest('hex')

/** Remembers that somebody was erased under this key. Index: erasure_keys_pkey. */
export const noteErasureKey = (db: Pick<Database, '$executeRaw'>, erasureKey: string): Promise<number> =>
  db.$executeRaw`INSERT INTO erasure_keys (fingerprint) VALUES (${fingerprintOf(erasureKey)}) ON CONFLICT DO NOTHING`

/**
 * Whether this process may work on the database: while nobody was erased, with any key or none.
 * @throws ConfigurationError if somebody was, under another key than `db` has.
 */
export async function requireErasureKey(db: Database): Promise<void> {
  const used = await db.erasureKeyUse.findMany()
  const own = db.erasureKey === null ? null : fingerprintOf(db.erasureKey)
  if (used.every(({ fingerprint }) => fingerprint === own)) return
  throw new ConfigurationError(
    'People were erased under another ERASURE_KEY than this process has: set that one, or they would be taken for strangers and written to again',
  )
}
