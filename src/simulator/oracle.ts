/**
 * The expected state of an email after all its planned events are received. Computed from the plan by the rules of
 * docs/lifecycle.md, deliberately without `src/domain`: two independent implementations check each other.
 */
import type { ExpectedFailure } from './failures.ts'
import type { PlannedEmail, PlannedEvent } from './plan.ts'

export interface ExpectedEngagement {
  readonly total: number
  readonly human: number
  readonly firstAt: number | null
  readonly lastAt: number | null
}

/** What must be known of a delivery: of an email, or of one recipient. Times are epoch milliseconds. */
interface ExpectedDelivery {
  readonly status: string
  readonly delivery: string
  readonly failure: (Pick<ExpectedFailure, 'reason' | 'party'> & { readonly code: string | null }) | null
  readonly deliveredAt: number | null
  readonly complainedAt: number | null
  readonly opens: ExpectedEngagement
  readonly clicks: ExpectedEngagement
}

export interface ExpectedRecipient extends ExpectedDelivery {
  /** In lower case. */
  readonly address: string
  /** Why it is suppressed; null if it is not. */
  readonly suppression: string | null
}

export interface ExpectedEmail extends ExpectedDelivery {
  readonly id: string
  readonly priority: string
  readonly isRegistered: boolean
  readonly externalId: string | null
  readonly metadata: Readonly<Record<string, string>>
  /** What the application registered; null if it did not. */
  readonly registered: { readonly to: readonly string[]; readonly subject: string } | null
  readonly queuedAt: number | null
  readonly sendingAt: number | null
  /** `registeredAt`: equal to that field of the response. */
  readonly sentAt: number | null | 'registeredAt'
  readonly bounce: {
    readonly class: string
    readonly code: string | null
    readonly message: string | null
    readonly at: number
  } | null
  readonly recipients: readonly ExpectedRecipient[]
  /** Each event once. */
  readonly events: readonly { readonly type: string; readonly at: number }[]
  /** Reasons, each exactly once. Without stalls, which depend on the system's configuration. */
  readonly escalations: readonly string[]
  /** Whether delivery is settled, so that no stall may be open. */
  readonly isSettled: boolean
  /** Whether events may be from the provider's API instead of a webhook. Absent: no. */
  readonly mayBeReconciled?: boolean
}

/** A planned event with the time at which it occurs. */
type DatedEvent = PlannedEvent & { readonly at: number }

/** @param startedAt the time 0 of the email's plan, in epoch milliseconds. */
export function expectedEmail(email: PlannedEmail, startedAt: number): ExpectedEmail {
  const events = email.events.map((event) => ({ ...event, at: startedAt + event.occursAfterMs }))
  const isRegisteredAsSent = email.registration?.as === 'sent'
  const recipients = email.to.map((address) => expectedRecipient(address, email, events))
  const facts = factsOf(events)
  const delivery = deliveryOfEmail(facts, recipients, events, isRegisteredAsSent)
  const { worstBounce, sentAt, ...known } = facts
  return {
    id: email.id,
    ...known,
    sentAt: sentAt ?? (isRegisteredAsSent ? 'registeredAt' : null),
    delivery,
    status: statusOf(facts, delivery),
    failure: failureOf(worstBounce),
    bounce: worstBounce && bounceOf(worstBounce),
    recipients,
    priority: email.registration?.priority ?? 'normal',
    isRegistered: email.registration !== null,
    ...ownIdsOf(email),
    registered: email.registration && { to: email.to, subject: email.subject },
    events: events.map(({ type, at }) => ({ type, at })),
    escalations: escalationsOf(email),
    isSettled: isSettled(email),
  }
}

function expectedRecipient(
  address: string,
  { to, registration }: PlannedEmail,
  events: readonly DatedEvent[],
): ExpectedRecipient {
  // Events that name nobody are about the only recipient; of several, they tell only how far the email has come.
  const unnamed = events.filter(({ recipient }) => recipient === null)
  const own = [...events.filter(({ recipient }) => recipient === address), ...(to.length === 1 ? unnamed : [])]
  const progress = unnamed.filter(({ type }) => ['queued', 'sending', 'sent'].includes(type))
  const facts = factsOf([...own, ...progress])
  const { deliveredAt, complainedAt, opens, clicks } = facts
  const delivery = deliveryOf(facts, registration?.as === 'sent')
  const suppressing = own.find(suppresses)
  return {
    address: address.toLowerCase(),
    status: statusOf(facts, delivery),
    delivery,
    failure: failureOf(facts.worstBounce),
    ...{ deliveredAt, complainedAt, opens, clicks },
    suppression: suppressing ? (suppressing.type === 'complained' ? 'complaint' : 'hard_bounce') : null,
  }
}

/** Events carry them, except those of a provider without custom fields, and some registrations. */
function ownIdsOf({ externalId, metadata, registration, events, hasCustomFields }: PlannedEmail) {
  const isKnown = (events.length > 0 && hasCustomFields !== false) || registration?.hasOwnIds === true
  return isKnown ? { externalId, metadata } : { externalId: null, metadata: {} }
}

type Facts = ReturnType<typeof factsOf>

const factsOf = (events: readonly DatedEvent[]) => ({
  queuedAt: earliestOf(events, 'queued'),
  sendingAt: earliestOf(events, 'sending'),
  sentAt: earliestOf(events, 'sent'),
  deliveredAt: earliestOf(events, 'delivered'),
  complainedAt: earliestOf(events, 'complained'),
  worstBounce: worstBounceOf(events),
  opens: engagementOf(events, 'opened'),
  clicks: engagementOf(events, 'clicked'),
})

const ofType = (events: readonly DatedEvent[], type: string) => events.filter((event) => event.type === type)

function earliestOf(events: readonly DatedEvent[], type: string): number | null {
  const times = ofType(events, type).map(({ at }) => at)
  return times.length === 0 ? null : Math.min(...times)
}

function engagementOf(events: readonly DatedEvent[], type: string): ExpectedEngagement {
  const engagements = ofType(events, type)
  const times = engagements.map(({ at }) => at)
  return {
    total: engagements.length,
    human: engagements.filter(isByPerson).length,
    firstAt: times.length === 0 ? null : Math.min(...times),
    lastAt: times.length === 0 ? null : Math.max(...times),
  }
}

const isByPerson = ({ engagement }: PlannedEvent): boolean => engagement?.byMachine === false

/** The earliest bounce that is held against the recipient, else the earliest other final one, else the earliest delay. */
function worstBounceOf(events: readonly DatedEvent[]): DatedEvent | null {
  const bounces = ofType(events, 'bounced').sort((a, b) => a.at - b.at)
  const firstWith = (outcome: string) => bounces.find(({ failure }) => failure?.outcome === outcome)
  return firstWith('bounced') ?? firstWith('failed') ?? firstWith('deferred') ?? null
}

function bounceOf({ bounce, at }: DatedEvent): ExpectedEmail['bounce'] {
  return bounce && { class: bounce.class, code: bounce.code, message: bounce.message, at }
}

function failureOf(event: DatedEvent | null): ExpectedDelivery['failure'] {
  if (!event?.failure) return null
  return { reason: event.failure.reason, party: event.failure.party, code: event.bounce?.code ?? null }
}

function deliveryOf(facts: Facts, isRegisteredAsSent: boolean): string {
  const outcome = facts.worstBounce?.failure?.outcome
  if (outcome === 'bounced' || outcome === 'failed') return outcome
  if (facts.deliveredAt !== null) return 'delivered'
  if (outcome === 'deferred') return outcome
  if (facts.sentAt !== null || isRegisteredAsSent) return 'sent'
  return facts.sendingAt !== null ? 'sending' : 'queued'
}

/** An email with several recipients is delivered when it is to all of them, or when an event says so without naming one. */
function deliveryOfEmail(
  facts: Facts,
  recipients: readonly ExpectedRecipient[],
  events: readonly DatedEvent[],
  isRegisteredAsSent: boolean,
): string {
  const delivery = deliveryOf(facts, isRegisteredAsSent)
  const isWhole = recipients.length === 1 || events.some((event) => event.type === 'delivered' && !event.recipient)
  if (delivery !== 'delivered' || isWhole) return delivery
  return recipients.every((recipient) => recipient.delivery === 'delivered') ? 'delivered' : 'partly_delivered'
}

function statusOf(facts: Facts, delivery: string): string {
  if (facts.complainedAt !== null) return 'complained'
  if (delivery === 'bounced' || delivery === 'failed') return delivery
  if (facts.clicks.total > 0) return 'clicked'
  return facts.opens.total > 0 ? 'opened' : delivery
}

/**
 * The time from the earliest of `queued`, `sending` and `sent` to `delivered`.
 * @param registeredAt of the response, in epoch milliseconds.
 */
export function deliveryTimeMsOf(email: ExpectedEmail, registeredAt: number | null): number | null {
  const { queuedAt, sendingAt, deliveredAt } = email
  const sentAt = email.sentAt === 'registeredAt' ? registeredAt : email.sentAt
  const starts = [queuedAt, sendingAt, sentAt].filter((at) => at !== null)
  return deliveredAt === null || starts.length === 0 ? null : Math.max(0, deliveredAt - Math.min(...starts))
}

const isFinalBounce = ({ failure }: PlannedEvent): boolean =>
  failure?.outcome === 'bounced' || failure?.outcome === 'failed'

const suppresses = (event: PlannedEvent): boolean =>
  event.type === 'complained' || (event.type === 'bounced' && event.failure?.suppresses === true)

function escalationsOf({ registration, events, to }: PlannedEmail): string[] {
  const isCritical = registration?.priority === 'critical'
  const isUnclear = to.length > 1 && events.some((event) => suppresses(event) && event.recipient === null)
  return [
    ...(isCritical && events.some(isFinalBounce) ? ['critical_bounce'] : []),
    ...(isCritical && events.some(({ type }) => type === 'complained') ? ['critical_complaint'] : []),
    ...(isUnclear ? ['recipient_unclear'] : []),
  ]
}

const settles = (event: PlannedEvent): boolean =>
  event.type === 'delivered' || event.type === 'complained' || isFinalBounce(event) || isByPerson(event)

/** Each recipient is settled, or the email is by an event that names none. */
function isSettled({ to, events }: PlannedEmail): boolean {
  const settling = events.filter(settles)
  const isOf = (address: string) => settling.some(({ recipient }) => recipient === address)
  return settling.some(({ recipient }) => recipient === null) || to.every(isOf)
}
