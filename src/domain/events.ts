/** What can happen to an email, in one vocabulary for all providers. */

/** The events that a provider tells. Source: AISend's webhook documentation (8 events). */
export const providerEventTypes = [
  'queued',
  'sending',
  'sent',
  'delivered',
  'opened',
  'clicked',
  'bounced',
  'complained',
] as const

export type ProviderEventType = (typeof providerEventTypes)[number]

export const priorities = ['critical', 'normal', 'bulk'] as const

/** How urgent an email is: it decides when silence counts as a stall, and whether a bounce calls support at once. */
export type Priority = (typeof priorities)[number]

/** Hard: the address will never take mail. Soft: it did not this time, delivery may still come. */
export type BounceClass = 'hard' | 'soft'

interface EventFacts {
  /** Unique per provider: the idempotency key. */
  readonly id: string
  /** When it happened by the provider's clock; epoch milliseconds. */
  readonly occurredAt: number
  /** When Aftersend made it durable, by our clock; epoch milliseconds. Deadlines count from here. */
  readonly receivedAt: number
}

/**
 * One event of an email's life as workflows see it: IDs, types, times and the bounce class. It carries no address,
 * subject, IP or user agent, so that none enters a Temporal history.
 */
export type LifecycleEvent =
  | (EventFacts & { readonly type: 'queued' | 'sending' | 'sent' | 'delivered' | 'complained' })
  | (EventFacts & { readonly type: 'opened' | 'clicked'; readonly human: boolean })
  | (EventFacts & { readonly type: 'bounced'; readonly bounce: { class: BounceClass; code: string | null } })
  | (EventFacts & { readonly type: 'registered'; readonly as: RegisteredAs; readonly priority: Priority | null })
  | (EventFacts & { readonly type: 'unknown' })

/** The status with which an application registers an email: already handed to the provider, or not yet. */
export type RegisteredAs = 'sent' | 'queued'

/** Which email: provider and the provider's ID for it. Together they make the workflow ID. */
export interface EmailKey {
  readonly provider: string
  readonly emailId: string
}

/**
 * An event as it is stored: everything that a provider told, with what must stay out of workflows (recipient, message,
 * payload).
 */
export interface ReceivedEvent extends EmailKey {
  readonly id: string
  /** Our type where we know it, {@link registrationEventType} for an application's own, else the provider's word. */
  readonly type: string
  readonly occurredAt: number
  readonly receivedAt: number
  /** Whom the email went to, normalized; empty if the event does not say. */
  readonly to: readonly string[]
  readonly subject: string | null
  /** The address that the event is about, normalized; null if it names none or several. */
  readonly recipient: string | null
  readonly bounce: { class: BounceClass; code: string | null; message: string | null } | null
  /** For opens and clicks: whether a person rather than a machine is likely behind it. */
  readonly human: boolean
  /** The event's JSON text, as signed. */
  readonly payload: string
  /** Why it is stored but never applied: it came in a batch, and could not be read. */
  readonly quarantinedReason?: string
}

const known: ReadonlySet<string> = new Set(providerEventTypes)

/** Whether `type` is one that the lifecycle gives a meaning to. */
export const isProviderEventType = (type: string): type is ProviderEventType => known.has(type)

/** How an application's registration is stored among the events. No provider's type has a dot with this prefix. */
export const registrationEventType = 'aftersend.registered'

/** How an event of a batch is stored that could not be read: with its reason, and never applied. */
export const unreadableEventType = 'unreadable'
