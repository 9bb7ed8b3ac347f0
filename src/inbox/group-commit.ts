import { withDatabaseDeadline } from '../db/database.ts'
import { type EventKey, textOfKey } from '../db/event-key.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import { DatabaseUnavailableError } from '../errors.ts'

export interface GroupCommitOptions {
  /** Stores events in one statement. Resolves with the keys of the new ones. */
  readonly insert: (events: readonly ReceivedEvent[]) => Promise<readonly EventKey[]>
  /** A request without a commit within this time is refused. Default 1.8 seconds, for an answer within 2. */
  readonly deadlineMs?: number
  /** The limit of events that wait for a commit; beyond it requests are refused at once. Default 20,000. */
  readonly maxWaiting?: number
  /** The limit of events in one statement. Default 1,000. */
  readonly maxGroup?: number
}

interface WaitingRequest {
  readonly events: readonly ReceivedEvent[]
  readonly resolve: (fresh: readonly ReceivedEvent[]) => void
  readonly reject: (error: unknown) => void
}

const byKey = (a: ReceivedEvent, b: ReceivedEvent): number => {
  const [keyA, keyB] = [textOfKey(a), textOfKey(b)]
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0
}

/**
 * Stores the events of all waiting requests with one statement. Requests that arrive during a commit form the next group. After
 * the commit, each request resolves with those of its events that were new.
 */
export class GroupCommit {
  readonly #options: Required<GroupCommitOptions>
  readonly #waiting = new Set<WaitingRequest>()
  #waitingEvents = 0
  #isCommitting = false

  constructor(options: GroupCommitOptions) {
    this.#options = { deadlineMs: 1_800, maxWaiting: 20_000, maxGroup: 1_000, ...options }
  }

  /**
   * @returns the events that were new, after the commit.
   * @throws DatabaseUnavailableError when the commit was not confirmed in time.
   */
  append(events: readonly ReceivedEvent[]): Promise<readonly ReceivedEvent[]> {
    if (this.#waitingEvents + events.length > this.#options.maxWaiting) {
      return Promise.reject(new DatabaseUnavailableError('too many events wait to be stored; send them again later'))
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#remove(request)
        reject(new DatabaseUnavailableError(`not stored within ${this.#options.deadlineMs} ms`))
      }, this.#options.deadlineMs)
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer)
          settle(value)
        }
      const request = { events, resolve: settled(resolve), reject: settled(reject) }
      this.#waiting.add(request)
      this.#waitingEvents += events.length
      void this.#commitWhileWaiting()
    })
  }

  /** Removes a waiting request; does nothing if its commit has started. */
  #remove(request: WaitingRequest): void {
    if (this.#waiting.delete(request)) this.#waitingEvents -= request.events.length
  }

  async #commitWhileWaiting(): Promise<void> {
    if (this.#isCommitting) return
    this.#isCommitting = true
    while (this.#waiting.size > 0) await this.#commit(this.#nextGroup())
    this.#isCommitting = false
  }

  #nextGroup(): WaitingRequest[] {
    const group: WaitingRequest[] = []
    let size = 0
    for (const request of this.#waiting) {
      size += request.events.length
      if (group.length > 0 && size > this.#options.maxGroup) break
      group.push(request)
      this.#remove(request)
    }
    return group
  }

  async #commit(group: readonly WaitingRequest[]): Promise<void> {
    try {
      const events = group.flatMap((request) => request.events)
      // Sorted by key: two instances that store the same events could deadlock otherwise.
      const { insert, deadlineMs } = this.#options
      const inserted = await withDatabaseDeadline(deadlineMs, () => insert(events.sort(byKey)))
      const fresh = new Set(inserted.map(textOfKey))
      for (const request of group) request.resolve(request.events.filter((event) => fresh.delete(textOfKey(event))))
    } catch (error) {
      if (group.length === 1 || error instanceof DatabaseUnavailableError)
        for (const request of group) request.reject(error)
      else for (const request of group) await this.#commit([request])
    }
  }
}
