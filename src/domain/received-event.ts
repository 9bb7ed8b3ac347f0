/** Converts a stored event to the form that workflows receive. */
import {
  type BounceFacts,
  isProviderEventType,
  isSubscriptionEventType,
  type LifecycleEvent,
  type Priority,
  priorities,
  type ReceivedBounce,
  type ReceivedEvent,
  type RegisteredAs,
  registrationEventType,
} from './events.ts'
import { judgeBounce } from './judge-bounce.ts'

/** The keys of the recipients that an event names. */
export interface RecipientKeys {
  /** The one that it is about. */
  readonly recipient: string | null
  /** Those that the email was sent to; null if there is no other than {@link recipient}. */
  readonly to: readonly string[] | null
}

/** The columns of a stored event that a signal needs. */
export type SignalledParts = Pick<ReceivedEvent, 'id' | 'type' | 'occurredAt' | 'receivedAt' | 'human' | 'payload'> & {
  readonly bounce: BounceFacts | null
  readonly scheduledFor: number | null
  readonly keys: RecipientKeys | null
}

/** A received event in the form that workflows receive. A bounce is judged. */
export const lifecycleEventOf = (
  event: Omit<ReceivedEvent, 'quarantinedReason'>,
  keys: RecipientKeys | null = null,
): LifecycleEvent =>
  signalledEventOf({
    ...event,
    bounce: event.type === 'bounced' ? bounceFactsOf(event.bounce) : null,
    scheduledFor: event.scheduledFor ?? null,
    keys,
  })

/** A bounce as workflows receive it: with its judgement, without the line that decided. */
function bounceFactsOf(bounce: ReceivedBounce | null): BounceFacts {
  const { reason, party, outcome } = judgeBounce(bounce)
  return { class: bounce?.class ?? 'hard', code: bounce?.code ?? null, failure: { reason, party, outcome } }
}

/** The event without fields that identify a person or that its type does not use. */
export function signalledEventOf({ id, type, occurredAt, receivedAt, keys, ...parts }: SignalledParts): LifecycleEvent {
  const facts = {
    ...{ id, occurredAt, receivedAt },
    ...(keys?.recipient && { recipient: keys.recipient }),
    ...(keys?.to && { to: keys.to }),
  }
  if (type === registrationEventType) return { ...facts, type: 'registered', ...registrationIn(parts.payload) }
  if (isSubscriptionEventType(type)) return { ...facts, type }
  if (!isProviderEventType(type)) return { ...facts, type: 'unknown', isNoted: true }
  if (type === 'queued') {
    const { scheduledFor } = parts
    return { ...facts, type, ...(scheduledFor !== null && { scheduledFor }) }
  }
  if (type === 'bounced') return { ...facts, type, bounce: parts.bounce ?? { class: 'hard', code: null } }
  return type === 'opened' || type === 'clicked' ? { ...facts, type, human: parts.human } : { ...facts, type }
}

/** The payload of a registration event, written by {@link registrationPayloadOf}. */
interface RegistrationFacts {
  readonly as: RegisteredAs
  readonly priority: Priority | null
}

export const registrationPayloadOf = ({ as, priority }: RegistrationFacts): string => JSON.stringify({ as, priority })

function registrationIn(payload: string): RegistrationFacts {
  const { as, priority } = JSON.parse(payload) as { as?: unknown; priority?: unknown }
  return {
    as: as === 'queued' ? 'queued' : 'sent',
    priority: priorities.find((known) => known === priority) ?? null,
  }
}
