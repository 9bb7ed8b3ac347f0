/** Stored events as the fold takes them. Addresses stand for recipients' keys here: what is folded to be shown never leaves the process. */
import type { StoredEvent } from '../db/emails-read.ts'
import { epochMsOf } from '../db/epoch-ms.ts'
import { storedFailureOf } from '../db/snapshot-columns.ts'
import type { LifecycleEvent } from '../domain/events.ts'
import { type RecipientKeys, signalledEventOf } from '../domain/received-event.ts'

/** A stored event for the fold. @param payload is read for a registration only. */
export function foldableEvent(event: StoredEvent, payload = ''): LifecycleEvent {
  const failure = storedFailureOf(event)
  return signalledEventOf({
    id: event.eventId,
    type: event.type,
    occurredAt: event.occurredAt.getTime(),
    receivedAt: event.receivedAt.getTime(),
    bounce: {
      class: event.bounceClass === 'soft' ? 'soft' : 'hard',
      code: event.bounceCode,
      ...(failure && { failure }),
    },
    human: event.human,
    scheduledFor: epochMsOf(event.scheduledFor),
    keys: keysOf(event),
    payload,
  })
}

function keysOf({ recipient, to }: StoredEvent): RecipientKeys {
  const about = recipient ?? (to.length === 1 ? (to[0] ?? null) : null)
  return { recipient: about, to: to.some((address) => address !== about) ? to : null }
}
