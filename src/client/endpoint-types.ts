/** The types of endpoints, which receive webhooks. Times are ISO 8601 texts. */
import type { Priority } from './types.ts'
import type { WebhookEventType } from './webhook-types.ts'

/** Which events an endpoint receives; an absent or empty list matches everything. */
export interface EndpointFilters {
  readonly providers?: readonly string[]
  /** An email with any of them. */
  readonly tags?: readonly string[]
  readonly priorities?: readonly Priority[]
}

export interface NewEndpoint {
  /** Null for one whose webhooks are pulled: see `endpoints.pull`. */
  readonly url: string | null
  /** Default: all. */
  readonly eventTypes?: readonly WebhookEventType[]
  readonly filters?: EndpointFilters
  readonly description?: string | null
}

export interface Endpoint {
  readonly id: string
  readonly project: string
  readonly url: string | null
  /** Empty: all. */
  readonly eventTypes: readonly WebhookEventType[]
  readonly filters: EndpointFilters
  readonly description: string | null
  /** Of what it receives. */
  readonly apiVersion: string
  readonly state: 'active' | 'paused'
  readonly pausedReason: string | null
  /** Webhooks that were not accepted yet. */
  readonly pending: number
  readonly createdAt: string
  readonly createdBy: string
  /** Since when every attempt has failed; null if the last one succeeded. */
  readonly failingSince: string | null
  readonly lastSucceededAt: string | null
}

export interface CreatedEndpoint extends Endpoint {
  /** Signs its webhooks. It is shown this once. */
  readonly secret: string
}

/** One request to an endpoint. */
export interface EndpointAttempt {
  readonly id: string
  readonly deliveryId: string
  readonly type: WebhookEventType
  readonly at: string
  readonly outcome: 'succeeded' | 'failed'
  /** The HTTP status; null without an answer. */
  readonly status: number | null
  readonly durationMs: number
  /** Why there was no answer, or none that was accepted. */
  readonly error: string | null
  /** Up to the first kilobyte of the answer's body. */
  readonly response: string | null
  /** As it would be sent now, without its signature; null once the event was deleted. */
  readonly request: { readonly headers: Readonly<Record<string, string>>; readonly body: string } | null
}

export interface ListedAttempts {
  readonly data: readonly EndpointAttempt[]
  readonly nextCursor: string | null
}

/** Either one delivery, or all events of a time. */
export type EndpointReplay =
  | { readonly deliveryId: string }
  | { readonly since: string; readonly until?: string; readonly eventTypes?: readonly WebhookEventType[] }

/** A webhook of an endpoint without a URL, to be passed on as it is. */
export interface PulledWebhook {
  readonly deliveryId: string
  readonly type: WebhookEventType
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What became of a pulled webhook. */
export interface PulledOutcome {
  readonly deliveryId: string
  /** The HTTP status of the answer; null without one, or if nothing was asked. */
  readonly status: number | null
  readonly durationMs: number
}
