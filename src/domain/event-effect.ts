/** What each event did to its email, in words for people: above all, why one changed nothing. */
import type { LifecycleEvent } from './events.ts'
import { deliveryOf, foldEvents, type Snapshot, statusOf, unheardOf } from './lifecycle.ts'

export interface EventEffect {
  /** Whether the email's snapshot knows more by it than before. */
  readonly changed: boolean
  /** A sentence without its full stop. */
  readonly text: string
}

/**
 * The effects of an email's events, by event ID, as they were taken in one after the other: by when they were received,
 * not by when they happened.
 */
export function effectsOf(events: readonly LifecycleEvent[]): ReadonlyMap<string, EventEffect> {
  const effects = new Map<string, EventEffect>()
  let snapshot = unheardOf
  const inOrder = events.toSorted((a, b) => a.receivedAt - b.receivedAt || a.occurredAt - b.occurredAt)
  for (const event of inOrder) {
    const after = foldEvents(snapshot, [event])
    effects.set(event.id, effectOf(event, snapshot, after))
    snapshot = after
  }
  return effects
}

function effectOf(event: LifecycleEvent, before: Snapshot, after: Snapshot): EventEffect {
  switch (event.type) {
    case 'unknown':
      return nothing('The lifecycle gives this type no meaning: it is kept and shown')
    case 'registered':
      return before.registeredAt === null ? changed(statusText(before, after)) : changed('Registered again, and merged')
    case 'opened':
    case 'clicked':
      return engagementEffect(event, before, after)
    case 'bounced':
      return after.bounce?.eventId === event.id
        ? changed(statusText(before, after))
        : nothing(`A ${before.bounce?.class} bounce was known already, and counts before this one`)
    default:
      return milestoneEffect(event, before, after)
  }
}

const nothing = (text: string): EventEffect => ({ changed: false, text })
const changed = (text: string): EventEffect => ({ changed: true, text })

/** The status before and after; where it stays, what outranks the news. */
function statusText(before: Snapshot, after: Snapshot): string {
  const [from, to] = [statusOf(before), statusOf(after)]
  if (before.firstReceivedAt === null) return `The first word of this email: ${to}`
  if (from !== to) return `${from} → ${to}`
  const [wasDelivery, isDelivery] = [deliveryOf(before), deliveryOf(after)]
  if (wasDelivery !== isDelivery)
    return `Delivery ${wasDelivery} → ${isDelivery}; the status stays ${to}, which outranks it`
  return `Its time is noted; the status stays ${to}, which outranks it`
}

function engagementEffect(
  event: Extract<LifecycleEvent, { type: 'opened' | 'clicked' }>,
  before: Snapshot,
  after: Snapshot,
): EventEffect {
  const [noun, tally] = event.type === 'opened' ? (['open', after.opens] as const) : (['click', after.clicks] as const)
  const which = tally.total === 1 ? `The first ${noun}` : `${noun} number ${tally.total}`
  const who = event.human ? 'by a person, as far as can be told' : "by a machine: counted, but no sign of a person's"
  const change = statusOf(before) === statusOf(after) ? '' : `; ${statusText(before, after)}`
  return changed(`${which.charAt(0).toUpperCase()}${which.slice(1)}, ${who}${change}`)
}

const milestones = {
  queued: 'queuedAt',
  sending: 'sendingAt',
  sent: 'sentAt',
  delivered: 'deliveredAt',
  complained: 'complainedAt',
} as const

function milestoneEffect(
  event: Extract<LifecycleEvent, { type: keyof typeof milestones }>,
  before: Snapshot,
  after: Snapshot,
): EventEffect {
  const known = before[milestones[event.type]]
  if (known === null) return changed(statusText(before, after))
  return event.occurredAt < known
    ? changed(`${event.type} was known already; this one says that it was earlier`)
    : nothing(`${event.type} was known already, and the earliest time counts`)
}
