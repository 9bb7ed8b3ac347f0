/**
 * The life of one email, folded from its events. Order does not matter: every field is a minimum, a maximum, a sum or a
 * flag over the set of events, so any permutation and any split into batches gives the same snapshot. Repeats are the
 * caller's to drop (by event ID), since counts are sums.
 */
import type { BounceClass, LifecycleEvent, Priority } from './events.ts'

export interface Engagement {
  /** Every open or click, machines included. */
  readonly total: number
  /** Those likely made by a person. */
  readonly human: number
  readonly firstAt: number | null
  readonly lastAt: number | null
}

export interface Bounce {
  readonly class: BounceClass
  /** Enhanced or basic SMTP status code, such as `5.1.1`; null if the provider named none. */
  readonly code: string | null
  readonly at: number
  readonly eventId: string
}

/** All times are epoch milliseconds. Facts carry the provider's clock, `…ReceivedAt` carries ours. */
export interface Snapshot {
  readonly registeredAt: number | null
  readonly registeredAsSent: boolean
  readonly priority: Priority
  /** When the application last named the priority; null while it is the default. */
  readonly priorityNamedAt: number | null
  readonly queuedAt: number | null
  readonly sendingAt: number | null
  readonly sentAt: number | null
  readonly deliveredAt: number | null
  /** The bounce that counts: a hard one before a soft one, then the earliest. */
  readonly bounce: Bounce | null
  readonly complainedAt: number | null
  readonly opens: Engagement
  readonly clicks: Engagement
  /** When Aftersend first heard of the email. */
  readonly firstReceivedAt: number | null
  /** When Aftersend first heard that delivery is settled. */
  readonly settledReceivedAt: number | null
}

export const deliveryStates = ['queued', 'sending', 'sent', 'deferred', 'delivered', 'bounced'] as const
export type DeliveryState = (typeof deliveryStates)[number]

/** Headline statuses, from the one that outranks all others down. */
export const emailStatuses = [
  'complained',
  'bounced',
  'clicked',
  'opened',
  'delivered',
  'deferred',
  'sent',
  'sending',
  'queued',
] as const
export type EmailStatus = (typeof emailStatuses)[number]

const noEngagement: Engagement = { total: 0, human: 0, firstAt: null, lastAt: null }

/** The snapshot of an email nobody has said anything about. */
export const unheardOf: Snapshot = {
  registeredAt: null,
  registeredAsSent: false,
  priority: 'normal',
  priorityNamedAt: null,
  queuedAt: null,
  sendingAt: null,
  sentAt: null,
  deliveredAt: null,
  bounce: null,
  complainedAt: null,
  opens: noEngagement,
  clicks: noEngagement,
  firstReceivedAt: null,
  settledReceivedAt: null,
}

/** Folds events that were not folded before into `snapshot`. Pure; the result does not depend on their order. */
export function foldEvents(snapshot: Snapshot, events: readonly LifecycleEvent[]): Snapshot {
  return events.reduce(foldEvent, snapshot)
}

function foldEvent(before: Snapshot, event: LifecycleEvent): Snapshot {
  const after = {
    ...before,
    ...factsOf(before, event),
    firstReceivedAt: earliest(before.firstReceivedAt, event.receivedAt),
  }
  return settlesDelivery(event)
    ? { ...after, settledReceivedAt: earliest(before.settledReceivedAt, event.receivedAt) }
    : after
}

function factsOf(snapshot: Snapshot, event: LifecycleEvent): Partial<Snapshot> {
  switch (event.type) {
    case 'registered':
      return {
        registeredAt: earliest(snapshot.registeredAt, event.occurredAt),
        registeredAsSent: snapshot.registeredAsSent || event.as === 'sent',
        ...latestNamedPriority(snapshot, event.priority, event.occurredAt),
      }
    case 'queued':
      return { queuedAt: earliest(snapshot.queuedAt, event.occurredAt) }
    case 'sending':
      return { sendingAt: earliest(snapshot.sendingAt, event.occurredAt) }
    case 'sent':
      return { sentAt: earliest(snapshot.sentAt, event.occurredAt) }
    case 'delivered':
      return { deliveredAt: earliest(snapshot.deliveredAt, event.occurredAt) }
    case 'complained':
      return { complainedAt: earliest(snapshot.complainedAt, event.occurredAt) }
    case 'opened':
      return { opens: engagedOnce(snapshot.opens, event) }
    case 'clicked':
      return { clicks: engagedOnce(snapshot.clicks, event) }
    case 'bounced':
      return { bounce: graverBounce(snapshot.bounce, { ...event.bounce, at: event.occurredAt, eventId: event.id }) }
    case 'unknown':
      return {}
  }
}

/**
 * Whether `event` ends the wait for delivery. A hard bounce and a delivery do; so does what a person can only have done
 * with the email in hand, since the `delivered` webhook may be lost. A machine's open may come from a gateway that still
 * refuses the email, so it does not.
 */
function settlesDelivery(event: LifecycleEvent): boolean {
  switch (event.type) {
    case 'delivered':
    case 'complained':
      return true
    case 'bounced':
      return event.bounce.class === 'hard'
    case 'opened':
    case 'clicked':
      return event.human
    default:
      return false
  }
}

const earliest = (a: number | null, b: number): number => (a === null ? b : Math.min(a, b))
const latest = (a: number | null, b: number): number => (a === null ? b : Math.max(a, b))

function engagedOnce(before: Engagement, event: { human: boolean; occurredAt: number }): Engagement {
  return {
    total: before.total + 1,
    human: before.human + (event.human ? 1 : 0),
    firstAt: earliest(before.firstAt, event.occurredAt),
    lastAt: latest(before.lastAt, event.occurredAt),
  }
}

function graverBounce(a: Bounce | null, b: Bounce): Bounce {
  if (a === null) return b
  if (a.class !== b.class) return a.class === 'hard' ? a : b
  if (a.at !== b.at) return a.at < b.at ? a : b
  return a.eventId < b.eventId ? a : b
}

const urgency: Record<Priority, number> = { critical: 2, normal: 1, bulk: 0 }

/** The priority named last wins; of two named in the same millisecond, the more urgent one. */
function latestNamedPriority(
  snapshot: Snapshot,
  priority: Priority | null,
  at: number,
): Pick<Snapshot, 'priority' | 'priorityNamedAt'> {
  const { priority: before, priorityNamedAt: beforeAt } = snapshot
  const wins =
    priority !== null &&
    (beforeAt === null || at > beforeAt || (at === beforeAt && urgency[priority] > urgency[before]))
  return wins ? { priority, priorityNamedAt: at } : { priority: before, priorityNamedAt: beforeAt }
}

/** Where delivery stands, whatever came of engagement and complaint. */
export function deliveryOf(snapshot: Snapshot): DeliveryState {
  if (snapshot.bounce?.class === 'hard') return 'bounced'
  if (snapshot.deliveredAt !== null) return 'delivered'
  if (snapshot.bounce) return 'deferred'
  if (snapshot.sentAt !== null || snapshot.registeredAsSent) return 'sent'
  return snapshot.sendingAt !== null ? 'sending' : 'queued'
}

/** The headline: the first of {@link emailStatuses} that holds. */
export function statusOf(snapshot: Snapshot): EmailStatus {
  if (snapshot.complainedAt !== null) return 'complained'
  const delivery = deliveryOf(snapshot)
  if (delivery === 'bounced') return 'bounced'
  if (snapshot.clicks.total > 0) return 'clicked'
  return snapshot.opens.total > 0 ? 'opened' : delivery
}

/** Whether nothing more is awaited of delivery: it arrived, it was refused for good, or a person acted on it. */
export const isSettled = (snapshot: Snapshot): boolean => snapshot.settledReceivedAt !== null

/** When the provider had the email: its own `sent`, else the registration as sent. */
export const sentAtOf = (snapshot: Snapshot): number | null =>
  snapshot.sentAt ?? (snapshot.registeredAsSent ? snapshot.registeredAt : null)

/** From the first moment known of the sending to the delivery, in milliseconds; null before delivery. */
export function deliveryTimeMsOf(snapshot: Snapshot): number | null {
  if (snapshot.deliveredAt === null) return null
  const starts = [snapshot.queuedAt, snapshot.sendingAt, sentAtOf(snapshot)].filter((at) => at !== null)
  return starts.length === 0 ? null : Math.max(0, snapshot.deliveredAt - Math.min(...starts))
}
