/**
 * The state of one email, folded from its events. Order does not matter: every field is a minimum, a maximum, a sum or a flag
 * over the set of events, so any permutation and any split into batches gives the same snapshot. The caller drops repeats (by
 * event ID), since counts are sums.
 */
import { bounceOutcomeOf, type DeliveryFacts, deliveryFactsOf, earliest, foldFacts, noFacts } from './delivery-facts.ts'
import type { LifecycleEvent, Priority } from './events.ts'

/** The facts of all events of an email, and of each recipient alone. */
export interface Snapshot extends DeliveryFacts {
  readonly registeredAt: number | null
  readonly registeredAsSent: boolean
  readonly priority: Priority
  /** When the application last set the priority; null for the default. */
  readonly priorityNamedAt: number | null
  /** When the provider will send it, if that is later. Absent if it is not scheduled. */
  readonly scheduledFor?: number
  /**
   * What is known of each recipient, by its key: folded from the events that name it. Events that name no recipient are under
   * {@link noRecipient}. Absent in snapshots of versions before 0.5, whose events count as naming none.
   */
  readonly recipients?: Readonly<Record<string, DeliveryFacts>>
  /** With several recipients: when all of them, or the email itself, were settled. Else as for any delivery. */
  readonly settledReceivedAt: number | null
}

/** The key of what is known without a recipient. */
export const noRecipient = ''

export const deliveryStates = [
  'queued',
  'sending',
  'sent',
  'deferred',
  'partly_delivered',
  'delivered',
  'failed',
  'bounced',
] as const
export type DeliveryState = (typeof deliveryStates)[number]

/** Headline statuses; each outranks those after it. */
export const emailStatuses = [
  'complained',
  'bounced',
  'failed',
  'clicked',
  'opened',
  'delivered',
  'partly_delivered',
  'deferred',
  'sent',
  'sending',
  'queued',
] as const
export type EmailStatus = (typeof emailStatuses)[number]

/** The snapshot of an email without events. */
export const emptySnapshot: Snapshot = {
  registeredAt: null,
  registeredAsSent: false,
  priority: 'normal',
  priorityNamedAt: null,
  ...noFacts,
}

/** Folds events into `snapshot`, each of which must be new to it. Pure; their order does not matter. */
export function foldEvents(snapshot: Snapshot, events: readonly LifecycleEvent[]): Snapshot {
  return events.reduce(foldEvent, snapshot)
}

function foldEvent(before: Snapshot, event: LifecycleEvent): Snapshot {
  const recipients = foldRecipients(before, event)
  const after = { ...foldFacts(before, event), ...registrationFactsOf(before, event), recipients }
  const { settledReceivedAt } = after
  return { ...after, settledReceivedAt: hasSeveralRecipients(after) ? allSettledAt(recipients) : settledReceivedAt }
}

function foldRecipients(before: Snapshot, event: LifecycleEvent): Readonly<Record<string, DeliveryFacts>> {
  const known = recipientsOf(before)
  const key = event.recipient ?? noRecipient
  const folded = { ...known, [key]: foldFacts(known[key] ?? noFacts, event) }
  const named = event.to?.filter((other) => !(other in folded)) ?? []
  return named.length === 0 ? folded : { ...folded, ...Object.fromEntries(named.map((other) => [other, noFacts])) }
}

/** What a snapshot knows of each recipient, also one of versions before 0.5. */
export function recipientsOf(snapshot: Snapshot): Readonly<Record<string, DeliveryFacts>> {
  if (snapshot.recipients) return snapshot.recipients
  return snapshot.firstReceivedAt === null ? {} : { [noRecipient]: deliveryFactsOf(snapshot) }
}

/** The keys of the known recipients. */
export const recipientKeysOf = (snapshot: Snapshot): string[] =>
  Object.keys(snapshot.recipients ?? {}).filter((key) => key !== noRecipient)

/** Ends at the second: it is asked for each recipient of an email, of which there may be a thousand. */
function hasSeveralRecipients({ recipients }: Snapshot): boolean {
  let named = 0
  for (const key in recipients) if (key !== noRecipient && ++named > 1) return true
  return false
}

/** When each recipient was settled, or an event that names none has settled the email; null while neither holds. */
function allSettledAt(recipients: Readonly<Record<string, DeliveryFacts>>): number | null {
  const { [noRecipient]: ofEmail, ...named } = recipients
  const times = Object.values(named).map(({ settledReceivedAt }) => settledReceivedAt)
  const last = times.includes(null) ? null : Math.max(...times.filter((at) => at !== null))
  const own = ofEmail?.settledReceivedAt ?? null
  return own !== null && last !== null ? Math.min(own, last) : (own ?? last)
}

function registrationFactsOf(snapshot: Snapshot, event: LifecycleEvent): Partial<Snapshot> {
  if (event.type === 'queued' && event.scheduledFor !== undefined)
    return { scheduledFor: Math.max(snapshot.scheduledFor ?? 0, event.scheduledFor) }
  if (event.type !== 'registered') return {}
  return {
    registeredAt: earliest(snapshot.registeredAt, event.occurredAt),
    registeredAsSent: snapshot.registeredAsSent || event.as === 'sent',
    ...latestNamedPriority(snapshot, event.priority, event.occurredAt),
  }
}

const urgency: Record<Priority, number> = { critical: 2, normal: 1, bulk: 0 }

/** The last priority wins; of two set in the same millisecond, the more urgent one. */
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

/** The state of delivery, independent of engagement and complaint. */
export function deliveryOf(snapshot: Snapshot): DeliveryState {
  const isSent = snapshot.registeredAsSent
  if (!hasSeveralRecipients(snapshot)) return deliveryStateOf(snapshot, isSent)
  const outcome = snapshot.bounce && bounceOutcomeOf(snapshot.bounce)
  if (outcome === 'bounced' || outcome === 'failed') return outcome
  const { delivered, recipients } = deliveredCountOf(snapshot)
  if (delivered === recipients || snapshot.recipients?.[noRecipient]?.deliveredAt) return 'delivered'
  if (delivered > 0) return 'partly_delivered'
  return deliveryStateOf({ ...snapshot, deliveredAt: null }, isSent)
}

function deliveryStateOf(facts: DeliveryFacts, isRegisteredAsSent: boolean): DeliveryState {
  const outcome = facts.bounce && bounceOutcomeOf(facts.bounce)
  if (outcome === 'bounced' || outcome === 'failed') return outcome
  if (facts.deliveredAt !== null) return 'delivered'
  if (facts.bounce) return 'deferred'
  if (facts.sentAt !== null || isRegisteredAsSent) return 'sent'
  return facts.sendingAt !== null ? 'sending' : 'queued'
}

/** To how many of its recipients an email is known to be delivered. */
export function deliveredCountOf(snapshot: Snapshot): { readonly delivered: number; readonly recipients: number } {
  const states = recipientKeysOf(snapshot).map((key) => recipientStateOf(snapshot, key).delivery)
  return { delivered: states.filter((state) => state === 'delivered').length, recipients: states.length }
}

/** The state of one recipient. */
export interface RecipientState {
  readonly delivery: DeliveryState
  readonly status: EmailStatus
  readonly facts: DeliveryFacts
}

/**
 * The state of a recipient. Of an email's only recipient, all events tell; of one of several, those that name it, and how far the
 * email had come by those that name none: queued, sending or sent.
 */
export function recipientStateOf(snapshot: Snapshot, key: string): RecipientState {
  const facts = factsOfRecipient(snapshot, key)
  const delivery = deliveryStateOf(facts, snapshot.registeredAsSent)
  return { delivery, status: headlineOf(facts, delivery), facts }
}

function factsOfRecipient(snapshot: Snapshot, key: string): DeliveryFacts {
  if (!hasSeveralRecipients(snapshot)) return deliveryFactsOf(snapshot)
  const own = snapshot.recipients?.[key] ?? noFacts
  const ofEmail = snapshot.recipients?.[noRecipient] ?? noFacts
  return {
    ...own,
    queuedAt: own.queuedAt ?? ofEmail.queuedAt,
    sendingAt: own.sendingAt ?? ofEmail.sendingAt,
    sentAt: own.sentAt ?? ofEmail.sentAt,
  }
}

/** What is known of one of several recipients, as if it were the email's only one. */
export const snapshotOfRecipient = (snapshot: Snapshot, key: string): Snapshot => {
  const { recipients, ...email } = snapshot
  const own = recipients?.[key] ?? noFacts
  const { queuedAt, sendingAt, sentAt } = factsOfRecipient(snapshot, key)
  return { ...email, ...own, queuedAt, sendingAt, sentAt, firstReceivedAt: email.firstReceivedAt }
}

/** The headline: the first of {@link emailStatuses} that holds. */
export const statusOf = (snapshot: Snapshot): EmailStatus => headlineOf(snapshot, deliveryOf(snapshot))

function headlineOf(facts: DeliveryFacts, delivery: DeliveryState): EmailStatus {
  if (facts.complainedAt !== null) return 'complained'
  if (delivery === 'bounced' || delivery === 'failed') return delivery
  if (facts.clicks.total > 0) return 'clicked'
  return facts.opens.total > 0 ? 'opened' : delivery
}

/** Whether delivery is over: the email was delivered, failed for good, or a person acted on it; with several recipients, for each. */
export const isSettled = (snapshot: Snapshot): boolean => snapshot.settledReceivedAt !== null

/** The time of the provider's `sent`, else of the registration as sent. */
export const sentAtOf = (snapshot: Snapshot): number | null =>
  snapshot.sentAt ?? (snapshot.registeredAsSent ? snapshot.registeredAt : null)

/** From the earliest known time of sending to delivery, in milliseconds; null before delivery. */
export function deliveryTimeMsOf(snapshot: Snapshot): number | null {
  if (snapshot.deliveredAt === null) return null
  const starts = [snapshot.queuedAt, snapshot.sendingAt, sentAtOf(snapshot)].filter((at) => at !== null)
  return starts.length === 0 ? null : Math.max(0, snapshot.deliveredAt - Math.min(...starts))
}

/** The keys of the recipients, {@link noRecipient} among them, whose facts or state differ. */
export function changedRecipients(before: Snapshot, after: Snapshot): string[] {
  const [known, now] = [before.recipients ?? {}, recipientsOf(after)]
  return Object.keys(now).filter((key) => {
    const [was, is] = [recipientStateOf(before, key), recipientStateOf(after, key)]
    return known[key] !== now[key] || was.delivery !== is.delivery || was.status !== is.status
  })
}
