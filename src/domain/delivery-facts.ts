/**
 * What is known of a delivery, folded from its events. Order does not matter: every field is a minimum, a maximum, a sum or a flag
 * over the set of events.
 */
import type { BounceClass, BounceFacts, FailureFacts, LifecycleEvent } from './events.ts'
import type { FailureOutcome } from './failure.ts'

export interface Engagement {
  /** All opens or clicks, including those by machines. */
  readonly total: number
  /** Those likely made by a person. */
  readonly human: number
  readonly firstAt: number | null
  readonly lastAt: number | null
}

interface Bounce {
  readonly class: BounceClass
  /** Enhanced or basic SMTP status code, such as `5.1.1`; null if the provider named none. */
  readonly code: string | null
  readonly at: number
  readonly eventId: string
  /** Absent for events of versions before 0.5. */
  readonly failure?: FailureFacts
}

/** What is known of a delivery. Times are epoch milliseconds, by the provider's clock; `…ReceivedAt` by ours. */
export interface DeliveryFacts {
  readonly queuedAt: number | null
  readonly sendingAt: number | null
  readonly sentAt: number | null
  readonly deliveredAt: number | null
  /** The worst bounce: by its outcome, then the earliest. */
  readonly bounce: Bounce | null
  readonly complainedAt: number | null
  readonly opens: Engagement
  readonly clicks: Engagement
  /** When Aftersend received the first event. */
  readonly firstReceivedAt: number | null
  /** When Aftersend received the first event that settles delivery. */
  readonly settledReceivedAt: number | null
}

const noEngagement: Engagement = { total: 0, human: 0, firstAt: null, lastAt: null }

/** What is known of a delivery without events. */
export const noFacts: DeliveryFacts = {
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

/** The facts of a snapshot, without what an email has beside them. */
export function deliveryFactsOf(facts: DeliveryFacts): DeliveryFacts {
  const { queuedAt, sendingAt, sentAt, deliveredAt, bounce, complainedAt } = facts
  const { opens, clicks, firstReceivedAt, settledReceivedAt } = facts
  return {
    ...{ queuedAt, sendingAt, sentAt, deliveredAt, bounce, complainedAt },
    ...{ opens, clicks, firstReceivedAt, settledReceivedAt },
  }
}

/** Folds one event into the facts of its email or recipient. What `before` has beside them stays. */
export function foldFacts<Facts extends DeliveryFacts>(before: Facts, event: LifecycleEvent): Facts {
  const isNoted = event.type === 'unknown' && event.isNoted === true
  return {
    ...before,
    ...factsOf(before, event),
    ...(!isNoted && { firstReceivedAt: earliest(before.firstReceivedAt, event.receivedAt) }),
    ...(settlesDelivery(event) && { settledReceivedAt: earliest(before.settledReceivedAt, event.receivedAt) }),
  }
}

function factsOf(facts: DeliveryFacts, event: LifecycleEvent): Partial<DeliveryFacts> {
  switch (event.type) {
    case 'queued':
      return { queuedAt: earliest(facts.queuedAt, event.occurredAt) }
    case 'sending':
      return { sendingAt: earliest(facts.sendingAt, event.occurredAt) }
    case 'sent':
      return { sentAt: earliest(facts.sentAt, event.occurredAt) }
    case 'delivered':
      return { deliveredAt: earliest(facts.deliveredAt, event.occurredAt) }
    case 'complained':
      return { complainedAt: earliest(facts.complainedAt, event.occurredAt) }
    case 'opened':
      return { opens: withEngagement(facts.opens, event) }
    case 'clicked':
      return { clicks: withEngagement(facts.clicks, event) }
    case 'bounced': {
      if (bounceOutcomeOf(event.bounce) === 'none') return {}
      return { bounce: worseBounce(facts.bounce, { ...event.bounce, at: event.occurredAt, eventId: event.id }) }
    }
    default:
      return {}
  }
}

/** What a bounce means for the delivery. Those of versions before 0.5 say it by their class alone. */
export const bounceOutcomeOf = ({ class: bounceClass, failure }: BounceFacts): FailureOutcome =>
  failure?.outcome ?? (bounceClass === 'hard' ? 'bounced' : 'deferred')

/**
 * Whether `event` settles delivery. A final failure and a delivery do, as does an action of a person that requires the delivered
 * email, since the `delivered` webhook may be lost. A machine's open does not: a gateway may still refuse the email after it.
 */
function settlesDelivery(event: LifecycleEvent): boolean {
  switch (event.type) {
    case 'delivered':
    case 'complained':
    case 'unsubscribed':
    case 'resubscribed':
      return true
    case 'bounced':
      return bounceOutcomeOf(event.bounce) !== 'deferred'
    case 'opened':
    case 'clicked':
      return event.human
    default:
      return false
  }
}

function withEngagement(before: Engagement, event: { human: boolean; occurredAt: number }): Engagement {
  return {
    total: before.total + 1,
    human: before.human + (event.human ? 1 : 0),
    firstAt: earliest(before.firstAt, event.occurredAt),
    lastAt: latest(before.lastAt, event.occurredAt),
  }
}

const badness: Record<FailureOutcome, number> = { bounced: 3, failed: 2, deferred: 1, none: 0 }

function worseBounce(a: Bounce | null, b: Bounce): Bounce {
  if (a === null) return b
  const difference = badness[bounceOutcomeOf(a)] - badness[bounceOutcomeOf(b)]
  if (difference !== 0) return difference > 0 ? a : b
  if (a.at !== b.at) return a.at < b.at ? a : b
  return a.eventId < b.eventId ? a : b
}

export const earliest = (a: number | null, b: number): number => (a === null ? b : Math.min(a, b))
const latest = (a: number | null, b: number): number => (a === null ? b : Math.max(a, b))
