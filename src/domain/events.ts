/** The events of an email, in one vocabulary for all providers. */
import type { FailureOutcome, FailureParty, FailureReason } from './failure.ts'
import type { Metadata } from './own-ids.ts'

/** The events that a provider reports. Source: AISend's webhook documentation (8 events). */
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

/** The recipient left or joined a list or a stream of messages. They do not change the status; both prove delivery. */
export const subscriptionEventTypes = ['unsubscribed', 'resubscribed'] as const

export type SubscriptionEventType = (typeof subscriptionEventTypes)[number]

export const priorities = ['critical', 'normal', 'bulk'] as const

/** Decides when silence counts as a stall, and whether a bounce is escalated at once. */
export type Priority = (typeof priorities)[number]

/** Hard: the address will never accept mail. Soft: this attempt failed, and the email may still be delivered. */
export type BounceClass = 'hard' | 'soft'

interface EventFacts {
  /** Unique per provider: the idempotency key. */
  readonly id: string
  /** By the provider's clock; epoch milliseconds. */
  readonly occurredAt: number
  /** When Aftersend stored it, by our clock; epoch milliseconds. Deadlines count from here. */
  readonly receivedAt: number
  /** The key of the recipient that the event is about. Absent if it names none, or several, and in events of versions before 0.5. */
  readonly recipient?: string
  /** The keys of the email's recipients, if the event names others than {@link recipient}. */
  readonly to?: readonly string[]
}

/** What a workflow knows of a judgement. The line that decided stays in the database. */
export interface FailureFacts {
  readonly reason: FailureReason
  readonly party: FailureParty
  readonly outcome: FailureOutcome
}

/** A bounce as workflows receive it. */
export interface BounceFacts {
  readonly class: BounceClass
  readonly code: string | null
  /** Absent in events of versions before 0.5: a hard bounce is `bounced` then, and a soft one `deferred`. */
  readonly failure?: FailureFacts
}

/**
 * An event as workflows receive it: IDs, types, times and the bounce class. It holds no address, subject, IP address or user
 * agent, so that none enters a Temporal history.
 */
export type LifecycleEvent =
  | (EventFacts & { readonly type: 'sending' | 'sent' | 'delivered' | 'complained' })
  | (EventFacts & { readonly type: SubscriptionEventType })
  | (EventFacts & { readonly type: 'queued'; readonly scheduledFor?: number })
  | (EventFacts & { readonly type: 'opened' | 'clicked'; readonly human: boolean })
  | (EventFacts & { readonly type: 'bounced'; readonly bounce: BounceFacts })
  | (EventFacts & { readonly type: 'registered'; readonly as: RegisteredAs; readonly priority: Priority | null })
  /** `isNoted`: it starts no clock. Absent in events of versions before 0.5, which start it. */
  | (EventFacts & { readonly type: 'unknown'; readonly isNoted?: true })

/** The status with which an application registers an email: handed to the provider, or not yet. */
export type RegisteredAs = 'sent' | 'queued'

/** Identifies an email: the provider and its ID for the email. The workflow ID is made of both. */
export interface EmailKey {
  readonly provider: string
  readonly emailId: string
}

/** What a provider reports of a failed or delayed delivery. */
export interface ReceivedBounce {
  readonly class: BounceClass
  readonly code: string | null
  /** The response text. */
  readonly message: string | null
  /** The provider's type for it, such as `Permanent`, `dropped`, `HardBounce`. */
  readonly word?: string | null
  /** The provider's finer type, such as `MailboxFull`, `Unsubscribed Address`. */
  readonly subWord?: string | null
  /** The host that answered. */
  readonly host?: string | null
  /** Whether the provider has stopped trying. By default, whether the class is hard. */
  readonly isOver?: boolean
}

/** Reconciling: in the provider's record of all emails. Asking: in its answer about one email. */
export const foundByKinds = ['reconciling', 'asking'] as const
export type FoundBy = (typeof foundByKinds)[number]

/** An event as it is stored, with the fields that must not enter workflows (recipient, message, payload). */
export interface ReceivedEvent extends EmailKey {
  readonly id: string
  /** A {@link ProviderEventType}, {@link registrationEventType}, or the provider's own type if it has no equivalent. */
  readonly type: string
  readonly occurredAt: number
  readonly receivedAt: number
  /** The email's recipients, normalized; empty if the event does not name them. */
  readonly to: readonly string[]
  readonly subject: string | null
  /** The address that the event is about, normalized; null if it names none, or several. */
  readonly recipient: string | null
  readonly bounce: ReceivedBounce | null
  /** For opens and clicks: whether a person, not a machine, likely made it. */
  readonly human: boolean
  /** For `queued`: when the provider will send it, if that is later; epoch milliseconds. */
  readonly scheduledFor?: number | null
  /** For `delivered`: the receiving server's response. */
  readonly response?: string | null
  /** For subscription events: the list or stream, where the provider names it. */
  readonly list?: string | null
  /** The email's tags that the event names. They are added to those of the email. */
  readonly tags?: readonly string[]
  /** The application's own ID and pairs, where the provider's custom fields or a registration name them. */
  readonly externalId?: string | null
  readonly metadata?: Metadata | null
  /** The event's JSON text, as signed. */
  readonly payload: string
  /** The further account whose webhook received it, such as `eu` of `/webhooks/resend/eu`. */
  readonly account?: string
  /** How it was found where no webhook brought it. */
  readonly foundBy?: FoundBy
  /** Why it is stored but never applied: it was unreadable in a batch. */
  readonly quarantinedReason?: string
}

const known: ReadonlySet<string> = new Set(providerEventTypes)

export const isSubscriptionEventType = (type: string): type is SubscriptionEventType =>
  subscriptionEventTypes.some((known) => known === type)

/** Whether `type` affects the lifecycle. */
export const isProviderEventType = (type: string): type is ProviderEventType => known.has(type)

export const isEngagement = ({ type }: { readonly type: string }): boolean => type === 'opened' || type === 'clicked'

const ownPrefix = 'aftersend.'

/** The type of an application's registration among the stored events. No webhook's event has this prefix: {@link withForeignType}. */
export const registrationEventType = `${ownPrefix}registered`

/** The type of an unreadable event of a batch, which is stored with the reason and never applied. */
export const unreadableEventType = 'unreadable'

/** An event of a webhook. A type that would pass for one of ours is stored as `unknown`; the payload keeps the sender's word. */
export const withForeignType = (event: ReceivedEvent): ReceivedEvent =>
  event.type.startsWith(ownPrefix) || (event.type === unreadableEventType && event.quarantinedReason === undefined)
    ? { ...event, type: 'unknown' }
    : event
