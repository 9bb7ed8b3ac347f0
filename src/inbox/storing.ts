import type { Database } from '../db/database.ts'
import { type EventKey, insertEvents } from '../db/events.ts'
import { firstLeaseMs } from '../db/leases.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import type { Dispatcher } from './dispatcher.ts'

/**
 * Makes events durable, leased to this instance where it has room to signal them. Others are anybody's at once: this one
 * must not signal them too.
 */
export class Storing {
  readonly #db: Database
  readonly #dispatcher: Pick<Dispatcher, 'takes'>
  #leftAtMs = Number.NEGATIVE_INFINITY

  constructor(db: Database, dispatcher: Pick<Dispatcher, 'takes'>) {
    this.#db = db
    this.#dispatcher = dispatcher
  }

  /** @returns the keys that were new. */
  store(events: readonly ReceivedEvent[]): Promise<EventKey[]> {
    if (this.#dispatcher.takes(events.length)) return insertEvents(this.#db, events, firstLeaseMs)
    this.#leftAtMs = performance.now()
    return insertEvents(this.#db, events, 0)
  }

  /**
   * Whether events that came at a moment (by `performance.now()`) are to be signalled here: not if any were left to others
   * since. Those that were not left wait out their lease then, which happens only where there is hardly room.
   */
  isOurs = (cameAtMs: number): boolean => cameAtMs > this.#leftAtMs
}
