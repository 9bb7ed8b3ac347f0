/**
 * What must be true of an email once all that was planned for it has been received. Reckoned from the plan by the rules of
 * the README, on purpose without `src/domain`: two ways to the same answer check each other.
 */
import type { PlannedEmail, PlannedEvent } from './plan.ts'

export interface ExpectedEngagement {
  readonly total: number
  readonly human: number
  readonly firstAt: number | null
  readonly lastAt: number | null
}

/** Times are epoch milliseconds. */
export interface ExpectedEmail {
  readonly id: string
  readonly status: string
  readonly delivery: string
  readonly priority: string
  readonly isRegistered: boolean
  /** What the application said; null when it said nothing. */
  readonly registered: { readonly to: readonly string[]; readonly subject: string } | null
  readonly queuedAt: number | null
  readonly sendingAt: number | null
  /** `registeredAt`: the same as whatever the answer gives for that. */
  readonly sentAt: number | null | 'registeredAt'
  readonly deliveredAt: number | null
  readonly complainedAt: number | null
  readonly bounce: {
    readonly class: string
    readonly code: string | null
    readonly message: string | null
    readonly at: number
  } | null
  readonly opens: ExpectedEngagement
  readonly clicks: ExpectedEngagement
  /** What happened and when, each once; when is epoch milliseconds. */
  readonly events: readonly { readonly type: string; readonly at: number }[]
  readonly suppressed: readonly { readonly address: string; readonly reason: string }[]
  readonly notSuppressed: readonly string[]
  /** Reasons, each exactly once. A stall is left out: when it shows depends on the system's configuration. */
  readonly escalations: readonly string[]
  /** Whether delivery is settled, so that no stall may be left open. */
  readonly isSettled: boolean
}

/** @param beganAt when the email began, epoch milliseconds. */
export function expectedOf(email: PlannedEmail, beganAt: number): ExpectedEmail {
  const earliest = (type: string) => earliestOf(email, type, beganAt)
  const bounce = bounceThatCounts(email, beganAt)
  const facts = {
    queuedAt: earliest('queued'),
    sendingAt: earliest('sending'),
    sentAt: earliest('sent') ?? (email.registration?.as === 'sent' ? ('registeredAt' as const) : null),
    deliveredAt: earliest('delivered'),
    complainedAt: earliest('complained'),
    bounce,
    opens: engagementOf(email, 'opened', beganAt),
    clicks: engagementOf(email, 'clicked', beganAt),
  }
  const delivery = deliveryOf(facts)
  return {
    id: email.id,
    ...facts,
    delivery,
    status: statusOf(facts, delivery),
    priority: email.registration?.priority ?? 'normal',
    isRegistered: email.registration !== null,
    registered: email.registration && { to: email.to, subject: email.subject },
    events: email.events.map(({ type, occursAfterMs }) => ({ type, at: beganAt + occursAfterMs })),
    ...suppressionsOf(email),
    escalations: escalationsOf(email),
    isSettled:
      facts.deliveredAt !== null ||
      facts.complainedAt !== null ||
      bounce?.class === 'hard' ||
      facts.opens.human + facts.clicks.human > 0,
  }
}

type Facts = Pick<
  ExpectedEmail,
  'queuedAt' | 'sendingAt' | 'sentAt' | 'deliveredAt' | 'complainedAt' | 'bounce' | 'opens' | 'clicks'
>

const timesOf = (events: readonly PlannedEvent[], beganAt: number) =>
  events.map((event) => beganAt + event.occursAfterMs)

const ofType = (email: PlannedEmail, type: string) => email.events.filter((event) => event.type === type)

function earliestOf(email: PlannedEmail, type: string, beganAt: number): number | null {
  const times = timesOf(ofType(email, type), beganAt)
  return times.length === 0 ? null : Math.min(...times)
}

function engagementOf(email: PlannedEmail, type: string, beganAt: number): ExpectedEngagement {
  const events = ofType(email, type)
  const times = timesOf(events, beganAt)
  return {
    total: events.length,
    human: events.filter((event) => event.engagement?.byMachine === false).length,
    firstAt: times.length === 0 ? null : Math.min(...times),
    lastAt: times.length === 0 ? null : Math.max(...times),
  }
}

/** A hard bounce before a soft one, then the earliest. */
function bounceThatCounts(email: PlannedEmail, beganAt: number): ExpectedEmail['bounce'] {
  const bounces = ofType(email, 'bounced').flatMap(({ bounce, occursAfterMs }) =>
    bounce ? [{ ...bounce, at: beganAt + occursAfterMs }] : [],
  )
  const hard = bounces.filter((bounce) => bounce.class === 'hard')
  const [first] = (hard.length > 0 ? hard : bounces).sort((a, b) => a.at - b.at)
  return first ?? null
}

function deliveryOf(facts: Facts): string {
  if (facts.bounce?.class === 'hard') return 'bounced'
  if (facts.deliveredAt !== null) return 'delivered'
  if (facts.bounce) return 'deferred'
  if (facts.sentAt !== null) return 'sent'
  return facts.sendingAt !== null ? 'sending' : 'queued'
}

function statusOf(facts: Facts, delivery: string): string {
  if (facts.complainedAt !== null) return 'complained'
  if (delivery === 'bounced') return 'bounced'
  if (facts.clicks.total > 0) return 'clicked'
  return facts.opens.total > 0 ? 'opened' : delivery
}

/**
 * From the first moment known of the sending to the delivery.
 * @param registeredAt by the answer, since only Aftersend knows when it took the registration; epoch milliseconds.
 */
export function deliveryTimeMsOf(email: ExpectedEmail, registeredAt: number | null): number | null {
  const { queuedAt, sendingAt, deliveredAt } = email
  const sentAt = email.sentAt === 'registeredAt' ? registeredAt : email.sentAt
  const starts = [queuedAt, sendingAt, sentAt].filter((at) => at !== null)
  return deliveredAt === null || starts.length === 0 ? null : Math.max(0, deliveredAt - Math.min(...starts))
}

function suppressionsOf(email: PlannedEmail): Pick<ExpectedEmail, 'suppressed' | 'notSuppressed'> {
  const reasons = new Map(
    email.events
      .filter((event) => isFinal(event) && event.recipient !== null)
      .map((event) => [event.recipient, event.type === 'complained' ? 'complaint' : 'hard_bounce']),
  )
  return {
    suppressed: [...reasons].map(([address, reason]) => ({ address: String(address).toLowerCase(), reason })),
    notSuppressed: email.to.filter((address) => !reasons.has(address)).map((address) => address.toLowerCase()),
  }
}

const isFinal = (event: PlannedEvent) => event.type === 'complained' || event.bounce?.class === 'hard'

function escalationsOf(email: PlannedEmail): string[] {
  const isCritical = email.registration?.priority === 'critical'
  const final = email.events.filter(isFinal)
  return [
    ...(isCritical && final.some((event) => event.type === 'bounced') ? ['critical_bounce'] : []),
    ...(isCritical && final.some((event) => event.type === 'complained') ? ['critical_complaint'] : []),
    ...(final.some((event) => event.recipient === null) ? ['recipient_unclear'] : []),
  ]
}
