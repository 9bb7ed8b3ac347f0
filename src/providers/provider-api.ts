/** A provider's API: asks about one email, sends one, registers webhooks. */
import type { ReceivedEvent } from '../domain/events.ts'
import type { Metadata } from '../domain/own-ids.ts'
import type { SuppressionReason } from '../domain/suppression.ts'

export interface ApiOptions {
  /** Without a slash at its end. */
  readonly apiUrl: string
  readonly apiKey: string
  /** For one request with all its attempts and the answer's body. Default 8 seconds: the activity that asks has 10. */
  readonly timeoutMs?: number
  /** The name of the key, for a provider that has one besides the secret (Amazon). */
  readonly keyId?: string | null
  /** For a provider with regions (Amazon). */
  readonly region?: string | null
  /** The sending domains, for a provider whose requests name one (Mailgun). */
  readonly domains?: readonly string[]
}

/** What a provider's API can do. Every provider that has one can be asked; the rest depends on the provider. */
export interface ProviderApi {
  /**
   * The email's delivery events that the provider has recorded, under the identity of the webhooks about them where the answer has it, else
   * under one that is the same in every answer. Opens and clicks are left out: they are counted, and their webhook may still arrive.
   * @throws ProviderRefusedError or ProviderUnreachableError; the caller retries.
   */
  fetchEvents(email: AskedEmail): Promise<ReceivedEvent[]>
  readonly sending?: Sending
  readonly webhooks?: WebhookSetup
  readonly history?: EventHistory
  readonly suppressionLists?: SuppressionLists
}

/** An email that is asked about. */
interface AskedEmail {
  readonly emailId: string
  /** As far as they are known; some providers are searched by them. */
  readonly recipients: readonly string[]
  /** When the email became known, epoch milliseconds. */
  readonly since: number
}

export interface Sending {
  /**
   * For how long the provider answers a repeated key with the first email instead of sending another. Null where it promises
   * nothing: a request without an answer must not be repeated then.
   */
  readonly idempotencyWindowMs: number | null
  /**
   * Sends one email.
   * @returns the provider's ID for it, which its webhooks use.
   * @throws EmailRefusedError when the email is not sent and a retry cannot succeed; ProviderRefusedError for a wrong key;
   * ProviderUnreachableError otherwise, with `mayHaveArrived` for a request that may have been executed.
   */
  send(email: OutgoingEmail, idempotencyKey: string): Promise<{ readonly emailId: string }>
}

/** Throws as {@link Sending.send} does. */
export interface WebhookSetup {
  /** Registers a webhook at `url` for `events`; for all events if the list is empty. */
  registerWebhook(url: string, events: readonly string[]): Promise<RegisteredWebhook>
  listWebhooks(): Promise<readonly ProviderWebhook[]>
}

/** The provider's own record of what happened to all emails. */
export interface EventHistory {
  /** For how long the provider keeps it. */
  readonly retainedMs: number
  /** The published limit of the account. */
  readonly requestsPerSecond: number
  /** How long an event may be missing from the record after it occurred. */
  readonly delayMs: number
  /**
   * A page of the delivery events of a window of time, epoch milliseconds, the end excluded; under the identities of {@link ProviderApi.fetchEvents}.
   * @param cursor of the page before; null for the first.
   * @throws as fetchEvents.
   */
  read(window: { readonly from: number; readonly to: number }, cursor: string | null): Promise<HistoryPage>
}

export interface HistoryPage {
  readonly events: readonly ReceivedEvent[]
  /** Null after the last page. */
  readonly next: string | null
  /** How many requests the page took, which the caller's pace counts. Default 1. */
  readonly requests?: number
}

/** The provider's own lists of addresses that it does not send to. */
export interface SuppressionLists {
  readonly requestsPerSecond: number
  /** A page of all lists, one after another. @throws as fetchEvents. */
  read(cursor: string | null): Promise<ListPage>
  /** Absent where the API only reads. */
  readonly writing?: ListWriting
}

export interface ListPage {
  readonly entries: readonly ListedAddress[]
  readonly next: string | null
  /** The lists may have more than the API answers, so an address that is not answered may still be on them. Absent: it is not. */
  readonly isPartial?: boolean
}

/**
 * Changes the provider's own lists. Both are repeatable: an address that is there already, or not any more, stays as it is.
 * They return how many requests they took, which the caller's pace counts, and throw as fetchEvents does; EmailRefusedError for an address that
 * the provider refuses.
 */
export interface ListWriting {
  /** The most that one call may have. */
  readonly addressesPerCall: number
  /** The provider sends to none of them any more. Its API may know fewer reasons. */
  add(entries: readonly Pick<ListedAddress, 'address' | 'reason'>[]): Promise<number>
  /** Removes them from all lists that {@link SuppressionLists.read} reads. */
  remove(addresses: readonly string[]): Promise<number>
}

export interface ListedAddress {
  /** Normalized. */
  readonly address: string
  readonly reason: SuppressionReason
  /** When the provider added it, epoch milliseconds; null if it does not say. */
  readonly since: number | null
}

/** An email as an application submits it. Addresses may have display names. */
export interface OutgoingEmail {
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly html: string | null
  readonly text: string | null
  /** Further header fields of the message. */
  readonly headers: Readonly<Record<string, string>>
  /** Names, or `name:value`, as emails are registered with. */
  readonly tags: readonly string[]
  /** The application's own ID and pairs, for the provider's custom fields, so that webhooks carry them. */
  readonly externalId?: string | null
  readonly metadata?: Metadata | null
}

export interface ProviderWebhook {
  readonly id: string
  readonly url: string
  readonly events: readonly string[]
}

interface RegisteredWebhook extends ProviderWebhook {
  /** The signing secret; null where the answer holds none. */
  readonly secret: string | null
}

/** The provider gave no usable answer; a retry may succeed. The message holds no part of the answer. */
export class ProviderUnreachableError extends Error {
  override name = 'ProviderUnreachableError'
  /** The provider's `Retry-After` in milliseconds from now; null where it gave none. */
  readonly retryAfterMs: number | null
  /** The provider answered that it has had too many requests. */
  readonly isRateLimited: boolean
  /** Whether the request may have been executed although it got no answer. */
  readonly mayHaveArrived: boolean

  constructor(
    message: string,
    facts: { retryAfterMs?: number | null; isRateLimited?: boolean; mayHaveArrived?: boolean } = {},
  ) {
    super(message)
    this.retryAfterMs = facts.retryAfterMs ?? null
    this.isRateLimited = facts.isRateLimited ?? false
    this.mayHaveArrived = facts.mayHaveArrived ?? true
  }
}

/** The provider refuses the API key (401, 403). A retry cannot succeed. */
export class ProviderRefusedError extends Error {
  override name = 'ProviderRefusedError'
}

/** The provider refuses this request; nothing was sent. The message holds no part of the answer. */
export class EmailRefusedError extends Error {
  override name = 'EmailRefusedError'
  /** The HTTP status of the answer. */
  readonly status: number
  /** The provider's error code, such as `validation_error`. Never a sentence, which may quote an address. */
  readonly reason: string | null

  constructor(message: string, status: number, reason: string | null = null) {
    super(message)
    this.status = status
    this.reason = reason
  }
}
