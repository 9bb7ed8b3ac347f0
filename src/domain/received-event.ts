/** From an event as it is stored to what a workflow may know of it. */
import {
  isProviderEventType,
  type LifecycleEvent,
  type Priority,
  priorities,
  type ReceivedEvent,
  type RegisteredAs,
  registrationEventType,
} from './events.ts'

/** The columns of a stored event that a signal is made of. */
export type SignalledParts = Pick<ReceivedEvent, 'id' | 'type' | 'occurredAt' | 'receivedAt' | 'human' | 'payload'> & {
  readonly bounce: Pick<NonNullable<ReceivedEvent['bounce']>, 'class' | 'code'> | null
}

/** Keeps of an event what its type gives a meaning to, and nothing that names a person. */
export function lifecycleEventOf({ id, type, occurredAt, receivedAt, ...parts }: SignalledParts): LifecycleEvent {
  const facts = { id, occurredAt, receivedAt }
  if (type === registrationEventType) return { ...facts, type: 'registered', ...registrationIn(parts.payload) }
  if (!isProviderEventType(type)) return { ...facts, type: 'unknown' }
  if (type === 'bounced') {
    const { class: bounceClass, code } = parts.bounce ?? { class: 'hard', code: null }
    return { ...facts, type, bounce: { class: bounceClass, code } }
  }
  return type === 'opened' || type === 'clicked' ? { ...facts, type, human: parts.human } : { ...facts, type }
}

/** What a registration event tells; the payload is ours, written by {@link registrationPayloadOf}. */
interface RegistrationFacts {
  readonly as: RegisteredAs
  readonly priority: Priority | null
}

/** The payload of a registration event. */
export const registrationPayloadOf = ({ as, priority }: RegistrationFacts): string => JSON.stringify({ as, priority })

function registrationIn(payload: string): RegistrationFacts {
  const { as, priority } = JSON.parse(payload) as { as?: unknown; priority?: unknown }
  return {
    as: as === 'queued' ? 'queued' : 'sent',
    priority: priorities.find((known) => known === priority) ?? null,
  }
}
