/** Statements on idempotency keys of sent emails. Index of all, unless they name another: sendings_pkey. */
import { createHmac } from 'node:crypto'
import { ExternalIdTakenError } from '../errors.ts'
import { type Database, sqlStateOf, uniqueViolation } from './database.ts'
import { findRegistered } from './registrations.ts'

/** Longer than the deadline of a request to a provider's API: after it, the holder of the claim has crashed. */
const sendingLeaseMs = 30_000

export interface SendingRequest {
  readonly idempotencyKey: string
  /** A hash of the request. It is stored under a key: see {@link storedFingerprintOf}. */
  readonly fingerprint: string
  readonly provider: string
  /** The application's own ID of the email. */
  readonly externalId: string | null
}

/**
 * The state of a key. `claimed`: the caller sends; `since` is the start of an earlier claim without a result, which may have sent the
 * email, or null for a new key. `sent`: this email was sent. `other_request`: the key belongs to another request. `under_way`:
 * another process is sending.
 */
export type Claim =
  | { readonly state: 'claimed'; readonly since: Date | null }
  | { readonly state: 'sent'; readonly provider: string; readonly emailId: string }
  | { readonly state: 'other_request' | 'under_way' }

const prefix = 'hmac-sha256:'

/** The fingerprint of a sending to an erased person: no request has it. */
export const erasedFingerprint = `${prefix}erased`

/**
 * Without the key, nobody can find out by trying whether a certain email was sent to a certain address. As it is without ERASURE_KEY. Made
 * of the hash and not of the request, so that the hashes of versions before 0.5 can be converted.
 */
const storedFingerprintOf = ({ erasureKey }: Pick<Database, 'erasureKey'>, fingerprint: string): string =>
  erasureKey === null
    ? fingerprint
    : prefix + createHmac('sha256', erasureKey).update(`sending ${fingerprint}`).digest('base64url')

/**
 * Claims the key, if it is free, and with it the external ID.
 * Indexes: sendings_pkey, sendings_external_id, emails_registered_external_id.
 * @throws ExternalIdTakenError if another email has the external ID, or may get it.
 */
export async function claimSending(db: Database, request: SendingRequest): Promise<Claim> {
  const { idempotencyKey, provider, externalId } = request
  const fingerprint = storedFingerprintOf(db, request.fingerprint)
  // The second is that of a version before 0.5, or of the time before there was an ERASURE_KEY.
  const accepted = [fingerprint, request.fingerprint]
  const [claimed] = await db.$queryRaw<{ is_new: boolean; created_at: Date }[]>`
    INSERT INTO sendings AS existing (idempotency_key, fingerprint, provider, external_id, lease_until)
    VALUES (${idempotencyKey}, ${fingerprint}, ${provider}, ${externalId}, now() + ${sendingLeaseMs} * interval '1 ms')
    ON CONFLICT (idempotency_key) DO UPDATE SET lease_until = excluded.lease_until, fingerprint = excluded.fingerprint
    WHERE existing.email_id IS NULL AND existing.lease_until < now() AND existing.fingerprint = ANY(${accepted}::text[])
      AND existing.provider = excluded.provider
    RETURNING existing.xmax = 0 AS is_new, existing.created_at`.catch((error) => rejectTaken(db, request, error))
  if (claimed?.is_new) {
    const holder = await findRegistered(db, provider, externalId)
    if (holder === null) return { state: 'claimed', since: null }
    await forgetSending(db, idempotencyKey)
    throw new ExternalIdTakenError(holder)
  }
  if (claimed) return { state: 'claimed', since: claimed.created_at }
  const existing = await db.sending.findUnique({ where: { idempotencyKey } })
  // Released between the two statements: the next request can claim it.
  if (existing === null) return { state: 'under_way' }
  if (!accepted.includes(existing.fingerprint) || existing.provider !== provider) return { state: 'other_request' }
  const { emailId } = existing
  return emailId === null ? { state: 'under_way' } : { state: 'sent', provider: existing.provider, emailId }
}

/** @throws ExternalIdTakenError if another key has claimed the external ID; `error` otherwise. */
async function rejectTaken(db: Database, { provider, externalId }: SendingRequest, error: unknown): Promise<never> {
  if (sqlStateOf(error) !== uniqueViolation) throw error
  const [row] = await db.$queryRaw<{ provider: string; emailId: string | null }[]>`
    SELECT provider, email_id AS "emailId" FROM sendings
    WHERE project_of(provider) = project_of(${provider}) AND external_id = ${externalId}`
  throw new ExternalIdTakenError(row ?? { provider, emailId: null })
}

/** Records the email that was sent with a key. */
export const completeSending = (db: Database, idempotencyKey: string, emailId: string): Promise<unknown> =>
  db.$executeRaw`UPDATE sendings SET email_id = ${emailId} WHERE idempotency_key = ${idempotencyKey}`

/** Deletes a key with which certainly nothing was sent. It may be used again, also for another request. */
export const forgetSending = (db: Database, idempotencyKey: string): Promise<unknown> =>
  db.$executeRaw`DELETE FROM sendings WHERE idempotency_key = ${idempotencyKey} AND email_id IS NULL`

/** Releases a key with which an email may have been sent. */
export const releaseSending = (db: Database, idempotencyKey: string): Promise<unknown> =>
  db.$executeRaw`UPDATE sendings SET lease_until = now() - interval '1 ms' WHERE idempotency_key = ${idempotencyKey}`

/**
 * Replaces at most `limit` fingerprints without a key. Index: sendings_unkeyed.
 * @returns their number; 0 if the database has no key.
 */
export async function keyFingerprints(db: Database, limit: number): Promise<number> {
  if (db.erasureKey === null) return 0
  const rows = await db.$queryRaw<{ idempotency_key: string; fingerprint: string }[]>`
    SELECT idempotency_key, fingerprint FROM sendings WHERE fingerprint NOT LIKE 'hmac-sha256:%' LIMIT ${limit}`
  return db.$executeRaw`
    UPDATE sendings SET fingerprint = keyed.new
    FROM unnest(${rows.map((row) => row.idempotency_key)}::text[], ${rows.map((row) => row.fingerprint)}::text[],
      ${rows.map((row) => storedFingerprintOf(db, row.fingerprint))}::text[]) AS keyed (idempotency_key, old, new)
    WHERE sendings.idempotency_key = keyed.idempotency_key AND sendings.fingerprint = keyed.old`
}
