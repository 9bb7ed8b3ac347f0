/** What the stand-ins for providers have in common: the provider's truth in memory, its API, and the webhooks about it. */
import { isEngagement, type ProviderEventType } from '../domain/events.ts'
import type { SuppressionReason } from '../domain/suppression.ts'
import type { DatedSampleEvent, SampleBounce, SignedRequest } from '../providers/sample.ts'

export interface StandInEmail {
  readonly emailId: string
  readonly to: readonly string[]
  readonly subject: string
  /** When the provider got it, epoch milliseconds. Default: now, or its first event if that is earlier. */
  readonly sentAt?: number
}

export interface StandInEvent {
  readonly type: ProviderEventType
  /** Null for an event that names none of several recipients. */
  readonly recipient: string | null
  /** Epoch milliseconds. */
  readonly at: number
  readonly bounce?: SampleBounce
  /** Of an open or a click. Default: by a person. */
  readonly engagement?: DatedSampleEvent['engagement']
}

/** Signs the request of one webhook, now. Called again, it makes a repeat. */
export type StandInWebhook = () => SignedRequest

/** For {@link StandInEvent.engagement}. */
export const engagementOf = ({ type, engagement }: StandInEvent): DatedSampleEvent['engagement'] =>
  engagement ?? (isEngagement({ type }) ? { userAgent: 'Mozilla/5.0', url: 'https://example.com/' } : null)

/** What is left out is switched off. */
export interface StandInFaults {
  /** Requests in `ratePeriodMs`, by the clock; a further one is answered with 429 and `Retry-After`. */
  readonly rateLimit?: number
  /** Default: a second. */
  readonly ratePeriodMs?: number
  /** Every request with such a number is answered with 500. 1: all of them. */
  readonly failEvery?: number
  /** How long after its time an event becomes visible in the API, by the clock. Its webhook is not delayed. */
  readonly delayMs?: number
  /** How long each answer takes, in real time. */
  readonly slowMs?: number
}

export interface ProviderStandIn {
  /** Without a slash at its end. Empty for a provider that has no API. */
  readonly apiUrl: string
  readonly apiKey: string
  addEmail(email: StandInEmail): void
  /** @returns the webhooks about the event. @throws Error for an email that was not added. */
  addEvent(emailId: string, event: StandInEvent): readonly StandInWebhook[]
  suppress(address: string, reason: SuppressionReason): void
  /** The webhook requests of all events so far, signed now, in the order in which the events were added. */
  webhooks(): SignedRequest[]
  /** How many requests its API has had. */
  requestCount(): number
  setFaults(faults: StandInFaults): void
  close(): void
}

export interface StandInOptions {
  /** Epoch milliseconds. Default: this machine's. */
  readonly clock?: () => number
  /** The secret of the webhooks, `GeneratedSecret.signing`. Default: a generated one. */
  readonly webhookSecret?: string
  /** Default: a random port of this machine. */
  readonly port?: number
  /** That requests must have. Default: one that looks like the provider's. */
  readonly apiKey?: string
}
