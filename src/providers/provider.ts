/** What Aftersend asks of a provider's adapter. */
import type { IncomingHttpHeaders } from 'node:http'
import type { ReceivedEvent } from '../domain/events.ts'

/** One provider's webhooks: is it genuine, and what does it say. */
export interface Provider {
  /** As in `/webhooks/:provider` and in workflow IDs. */
  readonly name: string
  /**
   * Whether any of `secrets` vouches for exactly these bytes. Constant time per secret; never throws, whatever the
   * headers. A promise only where something must be looked up first: a certificate, a token that was used before.
   * @throws (in the promise) VerificationUnavailableError or DatabaseUnavailableError when it cannot be looked up now.
   */
  verify(rawBody: Buffer, headers: IncomingHttpHeaders, secrets: readonly string[]): boolean | Promise<boolean>
  /**
   * The events that a genuine request holds; none, if it tells of no email. In a batch, an event that cannot be read
   * comes with its `quarantinedReason` and holds up no other.
   * @param receivedAt by our clock, epoch milliseconds.
   * @param headers for IDs that the signature covers; an ID in any other header is not to be trusted.
   * @throws InvalidEventError with a sentence for the provider's developer; nothing of the body is stored then.
   */
  parse(rawBody: Buffer, receivedAt: number, headers: IncomingHttpHeaders): ReceivedEvent[]
  /**
   * Answers a genuine request that is about the webhook itself, such as the question whether we want it; such a request
   * holds no events. Only for a provider that verifies in a promise.
   * @throws VerificationUnavailableError when the provider must ask again.
   */
  answerHandshake?(rawBody: Buffer): Promise<void>
}

/** A provider with the secrets that may vouch for its webhooks: several while one is rotated. */
export interface WebhookSource {
  readonly provider: Provider
  readonly secrets: readonly string[]
}

/** A request as a provider sends it. */
export interface SignedRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Makes of an event's JSON the request that the provider would send: for tests, `npm run sign` and the simulator. The same
 * body, signed again, is a repeat of the same event.
 * @param body the provider's JSON text, without what the provider wraps around it.
 * @param secret what the provider signs with.
 * @param signedAt epoch milliseconds.
 */
export type Sign = (body: string, secret: string, signedAt: number) => SignedRequest

/** A provider's API: asked about one email (how a lost webhook is told from a stall), and made to send one. */
export interface ProviderApi {
  /**
   * What the provider knows of the email's delivery, as events with IDs that stay the same however often it is asked.
   * Opens and clicks are left out: they are counted, and the webhook may still come.
   * @throws ProviderRefusedError or ProviderUnreachableError; retrying is the caller's.
   */
  fetchEvents(emailId: string): Promise<ReceivedEvent[]>
  /**
   * For how long the provider answers a repeated key with the first email instead of sending another; null where it
   * promises nothing, so that a sending whose answer was lost must not be tried again.
   */
  readonly idempotencyWindowMs: number | null
  /**
   * Sends one email.
   * @returns the provider's ID for it: what its webhooks will name.
   * @throws EmailRefusedError when it is not sent, and trying again is no use; ProviderRefusedError for a wrong key;
   * ProviderUnreachableError otherwise: `mayHaveArrived` says whether it may have been sent all the same.
   */
  send(email: OutgoingEmail, idempotencyKey: string): Promise<{ readonly emailId: string }>
  /** Has the provider post `events` (all that it has, when empty) to `url`. Throws as {@link send} does. */
  registerWebhook(url: string, events: readonly string[]): Promise<RegisteredWebhook>
  /** Webhooks that the provider posts to already. */
  listWebhooks(): Promise<readonly ProviderWebhook[]>
}

/** An email as an application hands it over. Addresses may have display names. */
export interface OutgoingEmail {
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly html: string | null
  readonly text: string | null
  /** Further header fields of the message. */
  readonly headers: Readonly<Record<string, string>>
  /** Words, or `name:value`, as emails are registered with. */
  readonly tags: readonly string[]
}

export interface ProviderWebhook {
  readonly id: string
  readonly url: string
  readonly events: readonly string[]
}

export interface RegisteredWebhook extends ProviderWebhook {
  /** What it will sign with; null where the provider tells it elsewhere. */
  readonly secret: string | null
}

/** The provider gave no usable answer this time; asking again may help. The message holds no part of the answer. */
export class ProviderUnreachableError extends Error {
  override name = 'ProviderUnreachableError'
  /** When it wants to be asked again, in milliseconds from now; null where it did not say. */
  readonly retryAfterMs: number | null
  /** It answers, but has had too many requests. */
  readonly isRateLimited: boolean
  /** Whether the request may have been carried out although nothing was heard of it. */
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

/** The provider will not talk to us (401, 403): the key must be put right first, so asking again is no use. */
export class ProviderRefusedError extends Error {
  override name = 'ProviderRefusedError'
}

/** The provider takes this request in no case: nothing was sent. The message holds no part of the answer. */
export class EmailRefusedError extends Error {
  override name = 'EmailRefusedError'
  /** The HTTP status that it answered. */
  readonly status: number
  /** The provider's own word for it, such as `validation_error`: a word alone, since a sentence may quote an address. */
  readonly reason: string | null

  constructor(message: string, status: number, reason: string | null = null) {
    super(message)
    this.status = status
    this.reason = reason
  }
}

/** A genuine body that is no event. The message says what is wrong; it holds no part of the body. */
export class InvalidEventError extends Error {
  override name = 'InvalidEventError'
}

/** What a request is judged by is not to be had now: the provider must send it again. */
export class VerificationUnavailableError extends Error {
  override name = 'VerificationUnavailableError'
}
