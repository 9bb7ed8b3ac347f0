/** What Aftersend needs of an email provider: an adapter for its webhooks, and an entry in the registry. */
import type { IncomingHttpHeaders } from 'node:http'
import type { ProviderEventType, ReceivedEvent } from '../domain/events.ts'
import type { ApiOptions, ProviderApi } from './provider-api.ts'
import type { GeneratedSecret, SampleFormat, Sign } from './sample.ts'

/** Verifies and parses the webhooks of one provider. */
export interface Provider {
  /** As in `/webhooks/:provider` and in workflow IDs. */
  readonly name: string
  /**
   * Whether one of `secrets` verifies exactly these bytes. Takes the same time for a right and a wrong secret. Never throws,
   * whatever the headers. Returns a promise only where it must look something up: a certificate, a used token.
   * @throws (as a rejection) VerificationUnavailableError or DatabaseUnavailableError when the lookup fails.
   */
  verify(rawBody: Buffer, headers: IncomingHttpHeaders, secrets: readonly string[]): boolean | Promise<boolean>
  /**
   * The events in a verified request; none if it is not about an email. In a batch, an unreadable event is returned with a
   * `quarantinedReason`, and the other events are not affected.
   * @param receivedAt server time, epoch milliseconds.
   * @param headers for IDs that the signature covers; IDs in other headers are not trusted.
   * @throws InvalidEventError with a message for the provider's developer. Nothing of the body is stored then.
   */
  parse(rawBody: Buffer, receivedAt: number, headers: IncomingHttpHeaders): ReceivedEvent[]
  /**
   * Why a request is not genuine, where its form shows a mistake in the provider's settings; null for any other. Never throws.
   */
  explainRefusal?(rawBody: Buffer, headers: IncomingHttpHeaders): Refusal | null
  /**
   * Answers a verified request about the webhook itself, such as the confirmation of a subscription. Such a request holds no
   * events. Only for a provider whose `verify` returns a promise.
   * @returns the body that the provider expects, undefined for the usual one.
   * @throws VerificationUnavailableError when the provider must send the request again.
   */
  answerHandshake?(rawBody: Buffer): Promise<object | undefined>
}

/** How a request that is not genuine is answered. Any other is a 401 that says what to check. */
export interface Refusal {
  /** 406: such a request is never signed as it must be, and does not count as a wrong signature. */
  readonly status: 401 | 406
  /** What to change at the provider. */
  readonly detail: string
}

/** A provider with the secrets that verify its webhooks; several during a rotation. */
export interface WebhookSource {
  readonly provider: Provider
  readonly secrets: readonly string[]
  /** To which the account belongs. Default: the default project. */
  readonly project?: string
}

/** What some adapters need beyond the request. */
export interface AdapterDependencies {
  readonly fetch: typeof fetch
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly tokens: UsedTokens
}

/** The tokens that were used, shared by all processes. */
interface UsedTokens {
  /**
   * Records `token` for `event`. Returns false if the token is recorded for another event.
   * @throws DatabaseUnavailableError when the token cannot be looked up.
   */
  claim(provider: string, token: string, event: string): Promise<boolean>
}

/** What a provider's folder exports for the registry. */
export interface ProviderEntry {
  readonly name: string
  /** The name as its makers write it. */
  readonly title: string
  /** The environment variable of its secrets. A further account has its own: this name, `_` and the account's name. */
  readonly variable: string
  /** Whether a value has the form of such a secret. */
  readonly accepts: (value: string) => boolean
  /** The form of a secret; follows "must be". */
  readonly requirement: string
  /** The event types that its webhooks report. */
  readonly eventTypes: readonly ProviderEventType[]
  /** Whether the configured secret is what it signs with, rather than what its signature is verified with. */
  readonly signsWithItsSecret: boolean
  readonly create: (dependencies: AdapterDependencies) => Provider
  /** Absent if the provider has no API that can be asked about one email. */
  readonly createApi?: (options: ApiOptions) => ProviderApi
  readonly sign: Sign
  readonly sampleFormat: SampleFormat
  /** The email's ID in webhooks, of one that an API, an SDK or a message header names otherwise. Absent if all names are the same. */
  readonly emailIdOf?: (named: string) => string
  /** Whether its IDs of emails have no `@`: one that has is the Message-ID of an email that came over SMTP. Default false. */
  readonly replacesMessageIds?: true
  /** Generates a secret for a system that has none configured. */
  readonly generateSecret: () => GeneratedSecret
}

/** A verified body that is not an event. The message says what is wrong; it holds no part of the body. */
export class InvalidEventError extends Error {
  override name = 'InvalidEventError'
  /** 406 where the provider sends a request again unless it is answered so. */
  readonly status: 400 | 406

  constructor(message: string, status: 400 | 406 = 400) {
    super(message)
    this.status = status
  }
}

/** A lookup that verification needs has failed: the provider must send the request again. */
export class VerificationUnavailableError extends Error {
  override name = 'VerificationUnavailableError'
}
