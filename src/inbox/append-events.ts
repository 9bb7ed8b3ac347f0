/** How events are appended: those that are too old are quarantined, new ones are stored by group commit, and all are counted. */
import type { EventKey } from '../db/event-key.ts'
import { tooOldReason } from '../domain/event-age.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import { countEvent, type EventOutcome, type Metrics } from '../metrics.ts'
import { GroupCommit } from './group-commit.ts'
import type { Inbox } from './inbox.ts'

export interface AppendOptions {
  /** Stores events in one statement. Resolves with the keys of the new ones. */
  readonly insert: (events: readonly ReceivedEvent[]) => Promise<readonly EventKey[]>
  readonly metrics: Pick<Metrics, 'eventsTotal'>
  /** Older events, by their provider's clock, are quarantined on receipt. */
  readonly maxEventAgeMs: number
  /** Called when an event is stored. @param isNew false for a repeat. */
  readonly onStored?: (event: ReceivedEvent, isNew: boolean) => void
}

export function createAppend({ insert, metrics, maxEventAgeMs, onStored }: AppendOptions): Inbox['append'] {
  const commits = new GroupCommit({ insert })
  return async (received) => {
    const events = received.map((event) => withAge(event, maxEventAgeMs))
    const fresh = new Set(await commits.append(events))
    for (const event of events) {
      countEvent(metrics, event, fresh.has(event) ? outcomeOf(event) : 'duplicate')
      onStored?.(event, fresh.has(event))
    }
    return { received: fresh.size, duplicates: events.length - fresh.size }
  }
}

/** The event, quarantined if it is too old. */
function withAge(event: ReceivedEvent, maxEventAgeMs: number): ReceivedEvent {
  const quarantinedReason = event.quarantinedReason ?? tooOldReason(event, maxEventAgeMs)
  return quarantinedReason === null ? event : { ...event, quarantinedReason }
}

const outcomeOf = ({ quarantinedReason }: ReceivedEvent): EventOutcome =>
  quarantinedReason === undefined ? 'received' : 'quarantined'
