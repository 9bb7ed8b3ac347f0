import type { Database } from '../db/database.ts'
import { type EventKey, firstLeaseMs, insertEvents } from '../db/events.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import type { Dispatcher } from './dispatcher.ts'

/**
 * Makes events durable, leased to this instance where it has room to signal them. Others are anybody's at once: this one
 * must not signal them too, so it remembers which they are until their request is over.
 */
export class Storing {
  readonly #db: Database
  readonly #dispatcher: Pick<Dispatcher, 'takes'>
  readonly #left = new Set<ReceivedEvent>()

  constructor(db: Database, dispatcher: Pick<Dispatcher, 'takes'>) {
    this.#db = db
    this.#dispatcher = dispatcher
  }

  /** @returns the keys that were new. */
  store(events: readonly ReceivedEvent[]): Promise<EventKey[]> {
    if (this.#dispatcher.takes(events.length)) return insertEvents(this.#db, events, firstLeaseMs)
    for (const event of events) this.#left.add(event)
    return insertEvents(this.#db, events, 0)
  }

  /** Whether an event that was stored is to be signalled here. */
  isOurs = (event: ReceivedEvent): boolean => event.quarantinedReason === undefined && !this.#left.has(event)

  /** Their request is over. */
  forget(events: readonly ReceivedEvent[]): void {
    if (this.#left.size > 0) for (const event of events) this.#left.delete(event)
  }
}
