/**
 * Compares the state of an email here with what follows from the provider's record of it. Pure. Counts of opens and clicks are not compared:
 * the records hold delivery events.
 */
import type { DifferenceReason } from './agreement.ts'
import { noFacts } from './delivery-facts.ts'
import type { LifecycleEvent } from './events.ts'
import {
  type DeliveryState,
  deliveryOf,
  emptySnapshot,
  foldEvents,
  noRecipient,
  recipientKeysOf,
  recipientStateOf,
  type Snapshot,
} from './lifecycle.ts'
import type { TimeWindow } from './reconciliation.ts'

/** An event that is stored here. */
export interface OwnEvent {
  readonly event: LifecycleEvent
  readonly state: 'applied' | 'pending' | 'quarantined'
  /** The further account whose webhook received it. */
  readonly account: string | null
}

export interface AuditedEmail {
  /** Of the provider, within the window; all of them if it was asked about the email. */
  readonly theirs: readonly LifecycleEvent[]
  readonly ours: readonly OwnEvent[]
  /** As it is stored; null if no event of it was applied. */
  readonly stored: Snapshot | null
  readonly isErased: boolean
  /** When it became known here, epoch milliseconds; null if it is not. */
  readonly knownSince: number | null
}

export interface AuditScope {
  readonly window: TimeWindow
  /** Whether `theirs` is the provider's answer about this email. */
  readonly isAsked: boolean
  /** Events from this time on may still be missing from the provider's record, epoch milliseconds. */
  readonly lateFrom: number
}

export interface EmailDifference {
  readonly reason: DifferenceReason
  /** The delivery here and at the provider; null where there is none. */
  readonly ours: DeliveryState | null
  readonly theirs: DeliveryState | null
}

/** Why the email differs; null if it agrees. */
export function differenceOf(email: AuditedEmail, scope: AuditScope): EmailDifference | null {
  const { theirs, ours } = email
  const stored = email.stored ?? emptySnapshot
  const matched = theirs.map((event) => counterpartOf(event, ours) ?? event)
  const readable = ours.filter(({ state }) => state !== 'quarantined').map(({ event }) => event)
  const beyond = readable.filter((event) => !isWithin(event, scope))
  const byProvider = foldEvents(beginningOf(stored), deliveryEvents([...beyond, ...matched]))
  const difference = (reason: DifferenceReason) => ({
    reason,
    ours: email.stored && deliveryOf(email.stored),
    theirs: theirs.length > 0 ? deliveryOf(byProvider) : null,
  })
  // What is folded already is folded again, which changes no delivery. Events that were dropped by their age are in `stored` alone.
  const isComplete =
    email.stored !== null && hasSameState(foldEvents(stored, deliveryEvents([...readable, ...matched])), stored)
  if (!isComplete || theirs.some((event) => counterpartOf(event, ours) === null)) {
    return difference(reasonOfLack(email))
  }
  return theirs.length === 0 || claimsMore(stored, byProvider) ? difference(reasonOfMore(email, scope)) : null
}

/** Such an email is unknown to the account whose API is asked. */
export const isOfOtherAccount = ({ ours }: Pick<AuditedEmail, 'ours'>): boolean =>
  ours.some(({ account }) => account !== null)

/** The event here that reports the same: under its identity, or, if the provider's record has identities of its own, of type and recipient. */
function counterpartOf(theirs: LifecycleEvent, ours: readonly OwnEvent[]): LifecycleEvent | null {
  const isDerived = theirs.id.startsWith('reconcile:')
  const found = ours.find(
    ({ event: own }) =>
      own.id === theirs.id ||
      (isDerived && own.type === theirs.type && (own.recipient ?? theirs.recipient) === theirs.recipient),
  )
  return found && found.state !== 'quarantined' ? found.event : null
}

/** The registration, and the recipients that are known. */
const beginningOf = ({ registeredAt, registeredAsSent, recipients }: Snapshot): Snapshot => {
  const known = Object.keys(recipients ?? {}).map((key) => [key, noFacts] as const)
  return {
    ...emptySnapshot,
    registeredAt,
    registeredAsSent,
    ...(known.length > 0 && { recipients: Object.fromEntries(known) }),
  }
}

const isWithin = ({ occurredAt }: LifecycleEvent, { window: { from, to }, isAsked }: AuditScope): boolean =>
  isAsked || (occurredAt >= from && occurredAt < to)

/** Each once. The registration is in the stored state. */
const deliveryEvents = (events: readonly LifecycleEvent[]): LifecycleEvent[] => [
  ...new Map(events.filter(({ type }) => type !== 'registered').map((event) => [event.id, event])).values(),
]

/** Of the email and each recipient. */
function hasSameState(one: Snapshot, other: Snapshot): boolean {
  const keys = new Set([...recipientKeysOf(one), ...recipientKeysOf(other)])
  return (
    deliveryOf(one) === deliveryOf(other) &&
    (one.complainedAt === null) === (other.complainedAt === null) &&
    [...keys].every((key) => recipientStateOf(one, key).delivery === recipientStateOf(other, key).delivery)
  )
}

/** Whether `stored` says how the delivery ended, or of a complaint, and `theirs` does not say the same. */
function claimsMore(stored: Snapshot, theirs: Snapshot): boolean {
  const keys = recipientKeysOf(stored)
  const ended = (snapshot: Snapshot, key: string) =>
    outcomeOf(key === noRecipient ? deliveryOf(snapshot) : recipientStateOf(snapshot, key).delivery, snapshot)
  return (
    (stored.complainedAt !== null && theirs.complainedAt === null) ||
    (keys.length === 0 ? [noRecipient] : keys).some((key) => {
      const outcome = ended(stored, key)
      return outcome !== null && outcome !== ended(theirs, key)
    })
  )
}

const outcomes: ReadonlySet<DeliveryState> = new Set(['delivered', 'failed', 'bounced'])

/** Null while the delivery goes on. Who complains has the email. */
const outcomeOf = (delivery: DeliveryState, { complainedAt }: Snapshot): DeliveryState | null =>
  outcomes.has(delivery) ? delivery : complainedAt !== null ? 'delivered' : null

/** The provider knows what the state here lacks. */
function reasonOfLack({ theirs, ours, isErased }: AuditedEmail): DifferenceReason {
  if (ours.some(({ state }) => state === 'quarantined')) return 'quarantined'
  if (theirs.some((event) => counterpartOf(event, ours) === null)) return 'missing_here'
  if (ours.some(({ state }) => state === 'pending')) return 'not_applied'
  return isErased ? 'erased_here' : 'state_differs'
}

/** The state here has what the provider's record lacks. */
function reasonOfMore(email: AuditedEmail, { lateFrom }: AuditScope): DifferenceReason {
  const { theirs, ours, isErased, knownSince } = email
  if (isOfOtherAccount(email)) return 'other_account'
  const reported = ours.filter(({ event }) => event.type !== 'registered')
  const lastAt = Math.max(knownSince ?? 0, ...reported.map(({ event }) => event.occurredAt))
  if (lastAt >= lateFrom) return 'provider_delayed'
  if (isErased) return 'erased_here'
  if (theirs.length > 0) return 'known_here_only'
  return reported.length > 0 ? 'not_kept' : 'unknown_to_provider'
}
