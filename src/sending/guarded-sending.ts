/**
 * Sends an email through a provider: never to a suppressed address, and for one idempotency key never twice, whichever
 * of provider, database and this process fails at whichever moment. Where that cannot be known, it is told instead.
 */
import type { Database } from '../db/database.ts'
import { claimSending, completeSending, forgetSending, releaseSending, type SendingRequest } from '../db/sendings.ts'
import { findActiveSuppressions } from '../db/suppressions.ts'
import { normalizeAddress } from '../domain/address.ts'
import type { EmailKey } from '../domain/events.ts'
import {
  EmailRefusedError,
  type OutgoingEmail,
  type ProviderApi,
  ProviderRefusedError,
  ProviderUnreachableError,
} from '../providers/provider.ts'

export interface SuppressedRecipient {
  /** Its place among the recipients. */
  readonly index: number
  readonly reason: string
  readonly since: Date
}

/** `isNew`: sent by this call, rather than by an earlier one with the same key. */
export type SendingOutcome =
  | { readonly state: 'sent'; readonly email: EmailKey; readonly isNew: boolean }
  | { readonly state: 'suppressed'; readonly recipients: readonly SuppressedRecipient[] }
  | { readonly state: 'other_request' | 'under_way' }
  /** It may have been sent, and trying again might send it twice. */
  | { readonly state: 'unknown' }

export interface GuardedSendingDependencies {
  readonly db: Database
  /** Runs statements within a request's deadline. */
  readonly inTime: <T>(work: () => Promise<T>) => Promise<T>
  /** Epoch milliseconds. */
  readonly clock: () => number
}

/** A key is not used near the end of the provider's window: our clock and theirs may differ. */
const windowMarginMs = 3_600_000

/**
 * Order matters: the key is claimed, the list is asked, the provider sends, and its ID is noted before anything else.
 * @throws the provider's errors (see {@link ProviderApi.send}); DatabaseUnavailableError. The same request may then be
 * made again with the same key.
 */
export async function sendGuarded(
  dependencies: GuardedSendingDependencies,
  request: SendingRequest & { readonly email: OutgoingEmail; readonly api: ProviderApi },
): Promise<SendingOutcome> {
  const { db, inTime, clock } = dependencies
  const { idempotencyKey, provider, api } = request
  const claim = await inTime(() => claimSending(db, request))
  if (claim.state === 'sent') {
    return { state: 'sent', email: { provider: claim.provider, emailId: claim.emailId }, isNew: false }
  }
  if (claim.state !== 'claimed') return claim
  const letGo = () => inTime(() => (claim.since ? releaseSending : forgetSending)(db, idempotencyKey))
  if (claim.since !== null && !mayRepeat(api, claim.since, clock())) {
    await letGo()
    return { state: 'unknown' }
  }
  const recipients = await inTime(() => suppressedAmong(db, request.email.to))
  if (recipients.length > 0) {
    await letGo()
    return { state: 'suppressed', recipients }
  }
  const sent = await api.send(request.email, idempotencyKey).catch(async (error) => {
    await (hasSentNothing(error) ? letGo() : inTime(() => releaseSending(db, idempotencyKey)))
    throw error
  })
  await inTime(() => completeSending(db, idempotencyKey, sent.emailId))
  return { state: 'sent', email: { provider, emailId: sent.emailId }, isNew: true }
}

/** Whether the provider still knows the key, so that a second request with it sends nothing. */
const mayRepeat = ({ idempotencyWindowMs }: ProviderApi, since: Date, now: number): boolean =>
  idempotencyWindowMs !== null && now - since.getTime() < idempotencyWindowMs - windowMarginMs

const hasSentNothing = (error: unknown): boolean =>
  error instanceof EmailRefusedError ||
  error instanceof ProviderRefusedError ||
  (error instanceof ProviderUnreachableError && !error.mayHaveArrived)

async function suppressedAmong(db: Database, to: readonly string[]): Promise<SuppressedRecipient[]> {
  const addresses = to.map((written) => normalizeAddress(written) ?? written)
  const rows = await findActiveSuppressions(db, [...new Set(addresses)])
  const active = new Map(rows.map((row) => [row.address, row]))
  return addresses.flatMap((address, index) => {
    const row = active.get(address)
    return row ? [{ index, reason: row.reason, since: row.createdAt }] : []
  })
}
