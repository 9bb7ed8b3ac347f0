/** Records the key of erasures: a process with another key, or none, would not recognize erased addresses. */
import { createHmac } from 'node:crypto'
import { ConfigurationError } from '../errors.ts'
import type { Database } from './database.ts'

/** By it, a key is recognized; it cannot be derived from it. */
export const fingerprintOf = (erasureKey: string): string =>
  createHmac('sha256', erasureKey).update('aftersend erasure key').digest('hex')

/** Records that this key was used. Index: erasure_keys_pkey. */
export const recordErasureKey = (db: Pick<Database, '$executeRaw'>, erasureKey: string): Promise<number> =>
  db.$executeRaw`INSERT INTO erasure_keys (fingerprint) VALUES (${fingerprintOf(erasureKey)}) ON CONFLICT DO NOTHING`

/** @throws ConfigurationError if an address was erased with another key than that of `db`. */
export async function requireErasureKey(db: Database): Promise<void> {
  const used = await db.erasureKeyUse.findMany()
  const own = db.erasureKey === null ? null : fingerprintOf(db.erasureKey)
  if (used.every(({ fingerprint }) => fingerprint === own)) return
  throw new ConfigurationError(
    'persons were erased with another ERASURE_KEY: set that key, or their suppressions have no effect',
  )
}
