/** Statements on idempotency keys: who may send an email, and which email a key has sent. Index of all: sendings_pkey. */
import type { Database } from './database.ts'

/** Longer than a provider's API is given to answer: whoever holds a claim for longer has died. */
export const sendingLeaseMs = 30_000

export interface SendingRequest {
  readonly idempotencyKey: string
  /** A hash of what is to be sent. */
  readonly fingerprint: string
  readonly provider: string
}

/**
 * What a key is good for now. `claimed`: send; `since` is when a claim of it began whose end is unknown, so that the
 * email may have been sent already, null for a key that was never used. `sent`: this email. `other_request`: the key
 * belongs to another request. `under_way`: somebody is sending at this moment.
 */
export type Claim =
  | { readonly state: 'claimed'; readonly since: Date | null }
  | { readonly state: 'sent'; readonly provider: string; readonly emailId: string }
  | { readonly state: 'other_request' | 'under_way' }

/** Takes the key, if it is free. One claim holds at a time. */
export async function claimSending(db: Database, request: SendingRequest): Promise<Claim> {
  const { idempotencyKey, fingerprint, provider } = request
  const [claimed] = await db.$queryRaw<{ is_new: boolean; created_at: Date }[]>`
    INSERT INTO sendings AS kept (idempotency_key, fingerprint, provider, lease_until)
    VALUES (${idempotencyKey}, ${fingerprint}, ${provider}, now() + ${sendingLeaseMs} * interval '1 ms')
    ON CONFLICT (idempotency_key) DO UPDATE SET lease_until = excluded.lease_until
    WHERE kept.email_id IS NULL AND kept.lease_until < now() AND kept.fingerprint = excluded.fingerprint
      AND kept.provider = excluded.provider
    RETURNING kept.xmax = 0 AS is_new, kept.created_at`
  if (claimed) return { state: 'claimed', since: claimed.is_new ? null : claimed.created_at }
  const kept = await db.sending.findUnique({ where: { idempotencyKey } })
  // Let go between the two statements: whoever asks again gets it.
  if (kept === null) return { state: 'under_way' }
  if (kept.fingerprint !== fingerprint || kept.provider !== provider) return { state: 'other_request' }
  const { emailId } = kept
  return emailId === null ? { state: 'under_way' } : { state: 'sent', provider: kept.provider, emailId }
}

/** Notes which email a key has sent, for good. */
export const completeSending = (db: Database, idempotencyKey: string, emailId: string): Promise<unknown> =>
  db.$executeRaw`UPDATE sendings SET email_id = ${emailId} WHERE idempotency_key = ${idempotencyKey}`

/** Forgets a key that has certainly sent nothing: it may be used again, also for another request. */
export const forgetSending = (db: Database, idempotencyKey: string): Promise<unknown> =>
  db.$executeRaw`DELETE FROM sendings WHERE idempotency_key = ${idempotencyKey} AND email_id IS NULL`

/** Lets others try a key that may have sent something. */
export const releaseSending = (db: Database, idempotencyKey: string): Promise<unknown> =>
  db.$executeRaw`UPDATE sendings SET lease_until = now() - interval '1 ms' WHERE idempotency_key = ${idempotencyKey}`
