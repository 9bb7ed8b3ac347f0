/**
 * Sends an email through a provider: never to a suppressed address, and never twice for one idempotency key, even if the
 * provider, the database or this process fails at any moment. If the outcome cannot be known, the result says so.
 */
import type { Database } from '../db/database.ts'
import { claimSending, completeSending, forgetSending, releaseSending, type SendingRequest } from '../db/sendings.ts'
import { findActiveSuppressions } from '../db/suppressions.ts'
import { normalizeAddress } from '../domain/address.ts'
import type { EmailKey } from '../domain/events.ts'
import { projectOf, suppressionListOf } from '../domain/project.ts'
import {
  EmailRefusedError,
  type OutgoingEmail,
  ProviderRefusedError,
  ProviderUnreachableError,
  type Sending,
} from '../providers/provider-api.ts'

export interface SuppressedRecipient {
  /** The index in `to`. */
  readonly index: number
  readonly reason: string
  readonly since: Date
}

/** `isNew`: sent by this call, not by an earlier one with the same key. */
export type SendingOutcome =
  | { readonly state: 'sent'; readonly email: EmailKey; readonly isNew: boolean }
  | { readonly state: 'suppressed'; readonly recipients: readonly SuppressedRecipient[] }
  | { readonly state: 'other_request' | 'under_way' }
  /** It may have been sent, and sending again might send it twice. */
  | { readonly state: 'unknown' }

export interface GuardedSendingDependencies {
  readonly db: Database
  /** Runs statements within a request's deadline. */
  readonly inTime: <T>(work: () => Promise<T>) => Promise<T>
  /** Epoch milliseconds. */
  readonly clock: () => number
}

/** A key is not reused near the end of the provider's window, since clocks differ. */
const windowMarginMs = 3_600_000

/**
 * In this order: claims the key, checks the suppression list, sends, and stores the provider's ID.
 * @throws the provider's errors (see {@link Sending.send}); DatabaseUnavailableError. The same request may then be
 * retried with the same key.
 */
export async function sendGuarded(
  dependencies: GuardedSendingDependencies,
  request: SendingRequest & {
    readonly email: OutgoingEmail
    readonly api: Sending
    /** For the provider; the stored one has the project too. */
    readonly providerKey: string
  },
): Promise<SendingOutcome> {
  const { db, inTime, clock } = dependencies
  const { idempotencyKey, provider, api } = request
  const claim = await inTime(() => claimSending(db, request))
  if (claim.state === 'sent') {
    return { state: 'sent', email: { provider: claim.provider, emailId: claim.emailId }, isNew: false }
  }
  if (claim.state !== 'claimed') return claim
  const release = () => inTime(() => (claim.since ? releaseSending : forgetSending)(db, idempotencyKey))
  if (claim.since !== null && !mayRetry(api, claim.since, clock())) {
    await release()
    return { state: 'unknown' }
  }
  const list = suppressionListOf(db, projectOf(provider))
  const recipients = await inTime(() => suppressedAmong(db, list, request.email.to))
  if (recipients.length > 0) {
    await release()
    return { state: 'suppressed', recipients }
  }
  const sent = await api.send(request.email, request.providerKey).catch(async (error) => {
    await (wasNotSent(error) ? release() : inTime(() => releaseSending(db, idempotencyKey)))
    throw error
  })
  await inTime(() => completeSending(db, idempotencyKey, sent.emailId))
  return { state: 'sent', email: { provider, emailId: sent.emailId }, isNew: true }
}

/** Whether the provider still remembers the key, so that a second request with it sends nothing. */
const mayRetry = ({ idempotencyWindowMs }: Sending, since: Date, now: number): boolean =>
  idempotencyWindowMs !== null && now - since.getTime() < idempotencyWindowMs - windowMarginMs

const wasNotSent = (error: unknown): boolean =>
  error instanceof EmailRefusedError ||
  error instanceof ProviderRefusedError ||
  (error instanceof ProviderUnreachableError && !error.mayHaveArrived)

async function suppressedAmong(db: Database, list: string, to: readonly string[]): Promise<SuppressedRecipient[]> {
  const addresses = to.map((mailbox) => {
    const address = normalizeAddress(mailbox)
    if (address === null) throw new Error('a recipient is not one mailbox')
    return address
  })
  const rows = await findActiveSuppressions(db, list, [...new Set(addresses)])
  const active = new Map(rows.map((row) => [row.address, row]))
  return addresses.flatMap((address, index) => {
    const row = active.get(address)
    return row ? [{ index, reason: row.reason, since: row.createdAt }] : []
  })
}
