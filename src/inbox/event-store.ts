/** The statements that the inbox needs, as a port: PostgreSQL implements it, and a model in tests. */
import type { Database } from '../db/database.ts'
import {
  type Claim,
  type ClaimLimits,
  claimEvents,
  deferEvents,
  priorityOfRank,
  type RelayedEvent,
  rejectEvents,
  releaseEvents,
} from '../db/event-claims.ts'
import { type EventKey, type StoredEventKey, textOfKey } from '../db/event-key.ts'
import { insertEvents } from '../db/events.ts'
import { readRecipientKeys } from '../db/recipient-keys.ts'
import { applyEngagements } from '../db/settled-engagements.ts'
import { eventOfInserted } from '../db/signalled-events.ts'
import { domainOf } from '../domain/address.ts'
import type { ReceivedEvent } from '../domain/events.ts'

export type { Claim, ClaimLimits, RelayedEvent } from '../db/event-claims.ts'

export interface Inserted {
  /** The keys of the new events. */
  readonly stored: readonly EventKey[]
  /** Those of them that were claimed. */
  readonly claimed: readonly RelayedEvent[]
}

export interface EventStore {
  /** Stores events in one statement. */
  insert(events: readonly ReceivedEvent[], isClaimed: (event: ReceivedEvent) => boolean): Promise<Inserted>
  /** Claims pending events, as far as the window has room. */
  claim(limits: ClaimLimits): Promise<Claim>
  /** Releases claimed events: any instance may claim them at once. */
  release(keys: readonly StoredEventKey[]): Promise<unknown>
  /** Extends the lease of claimed events to `ms` milliseconds from now. */
  defer(keys: readonly StoredEventKey[], ms: number): Promise<unknown>
  /** Records that Temporal refused these events. @returns those that are quarantined now. */
  reject(
    keys: readonly StoredEventKey[],
    reason: string,
  ): Promise<readonly { readonly provider: string; readonly type: string }[]>
  /** Applies the opens and clicks of settled emails. @returns the applied ones. */
  applyEngagements(keys: readonly StoredEventKey[]): Promise<readonly StoredEventKey[]>
}

export const createEventStore = (db: Database): EventStore => ({
  async insert(events, isClaimed) {
    const received = new Map(events.filter(isClaimed).map((event) => [textOfKey(event), event]))
    // Before the insert: what is committed must be returned.
    const keysOf = await readRecipientKeys(db)
    const stored = await insertEvents(db, events, isClaimed)
    const claimed = stored.flatMap((inserted): RelayedEvent[] => {
      const event = received.get(textOfKey(inserted))
      if (!event) return []
      return [
        {
          email: { provider: event.provider, emailId: event.emailId },
          event: eventOfInserted(event, inserted, keysOf(event)),
          priority: priorityOfRank(inserted.rank),
          recipientDomain: domainIn(event),
          account: event.account ?? null,
        },
      ]
    })
    return { stored, claimed }
  },
  claim: (limits) => claimEvents(db, limits),
  release: (keys) => releaseEvents(db, keys),
  defer: (keys, ms) => deferEvents(db, keys, ms),
  reject: (keys, reason) => rejectEvents(db, keys, reason),
  applyEngagements: (keys) => applyEngagements(db, keys),
})

function domainIn({ recipient, to }: ReceivedEvent): string | null {
  const address = recipient ?? to[0]
  return address === undefined ? null : domainOf(address)
}
