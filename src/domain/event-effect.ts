/** Describes what each event changed in its email, or why it changed nothing. */
import { bounceOutcomeOf } from './delivery-facts.ts'
import type { LifecycleEvent } from './events.ts'
import {
  deliveryOf,
  emptySnapshot,
  foldEvents,
  recipientKeysOf,
  type Snapshot,
  snapshotOfRecipient,
  statusOf,
} from './lifecycle.ts'

export interface EventEffect {
  /** Whether the event changed the email's snapshot. */
  readonly changed: boolean
  /** A sentence without a full stop. */
  readonly text: string
}

/**
 * The effects of an email's events, by event ID, applied in the order in which they were received, not in which they
 * occurred. With several recipients, those of an event that names one are the effects on this one.
 */
export function effectsOf(events: readonly LifecycleEvent[]): ReadonlyMap<string, EventEffect> {
  const effects = new Map<string, EventEffect>()
  let snapshot = emptySnapshot
  const inOrder = events.toSorted((a, b) => a.receivedAt - b.receivedAt || a.occurredAt - b.occurredAt)
  const hasSeveral = recipientKeysOf(foldEvents(emptySnapshot, events)).length > 1
  for (const event of inOrder) {
    const after = foldEvents(snapshot, [event])
    const key = hasSeveral ? event.recipient : undefined
    const [was, is] = [snapshot, after].map((each) => (key === undefined ? each : snapshotOfRecipient(each, key)))
    if (was && is) effects.set(event.id, effectOf(event, was, is))
    snapshot = after
  }
  return effects
}

function effectOf(event: LifecycleEvent, before: Snapshot, after: Snapshot): EventEffect {
  switch (event.type) {
    case 'unsubscribed':
    case 'resubscribed':
      return nothing(`The recipient has ${event.type}: this does not affect the status, and proves delivery`)
    case 'unknown':
      return nothing('This type does not affect the status: it is stored and shown')
    case 'registered':
      return before.registeredAt === null ? changed(statusText(before, after)) : changed('Registered again: merged')
    case 'opened':
    case 'clicked':
      return engagementEffect(event, before, after)
    case 'bounced':
      return bounceEffect(event, before, after)
    default:
      return milestoneEffect(event, before, after)
  }
}

const nothing = (text: string): EventEffect => ({ changed: false, text })
const changed = (text: string): EventEffect => ({ changed: true, text })

/** `partly delivered` of `partly_delivered` */
const inWords = (status: string): string => status.replaceAll('_', ' ')

/** The status before and after; if it stays, the status that outranks the change. */
function statusText(before: Snapshot, after: Snapshot): string {
  const [from, to] = [statusOf(before), statusOf(after)].map(inWords)
  if (before.firstReceivedAt === null) return `The first event of this email: ${to}`
  if (from !== to) return `${from} → ${to}`
  const [wasDelivery, isDelivery] = [deliveryOf(before), deliveryOf(after)].map(inWords)
  if (wasDelivery !== isDelivery)
    return `Delivery ${wasDelivery} → ${isDelivery}; the status stays ${to}, which outranks it`
  return `Its time is stored; the status stays ${to}, which outranks it`
}

function bounceEffect(event: LifecycleEvent, before: Snapshot, after: Snapshot): EventEffect {
  if (after.bounce?.eventId === event.id) return changed(statusText(before, after))
  if (!before.bounce) return nothing('An automatic reply, not a failure: it proves delivery')
  return nothing(`A known failure (${bounceOutcomeOf(before.bounce)}) takes precedence over this one`)
}

function engagementEffect(
  event: Extract<LifecycleEvent, { type: 'opened' | 'clicked' }>,
  before: Snapshot,
  after: Snapshot,
): EventEffect {
  const [noun, tally] = event.type === 'opened' ? (['open', after.opens] as const) : (['click', after.clicks] as const)
  const which = tally.total === 1 ? `The first ${noun}` : `${noun} number ${tally.total}`
  const who = event.human ? 'likely by a person' : 'by a machine: counted, but not as human'
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

type Milestone = Extract<LifecycleEvent, { type: keyof typeof milestones }>

function milestoneEffect(event: Milestone, before: Snapshot, after: Snapshot): EventEffect {
  const known = before[milestones[event.type]]
  if (known === null) return changed(statusText(before, after))
  return event.occurredAt < known
    ? changed(`${event.type} was known already: this event has an earlier time, which is stored`)
    : nothing(`${event.type} was known already, at the same time or earlier`)
}
