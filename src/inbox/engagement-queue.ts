import { type StoredEventKey, textOfKey } from '../db/event-key.ts'
import type { RelayedEvent } from './event-store.ts'
import { keyOf } from './signal-batches.ts'

export interface EngagementQueueOptions {
  /** Applies the opens and clicks of settled emails, in one statement. Resolves with the applied ones. */
  readonly apply: (keys: readonly StoredEventKey[]) => Promise<readonly StoredEventKey[]>
  readonly onApplied: () => void
  /** Called with those whose email is not settled: its workflow applies them. */
  readonly onUnsettled: (events: readonly RelayedEvent[]) => void
  readonly onFailure: (error: unknown) => void
}

const maxPerStatement = 1_000

/** The limit of queued events. They are applied within seconds, before their lease expires. */
const maxQueued = 5_000

/**
 * Applies opens and clicks of settled emails in PostgreSQL, without workflows. One statement applies those of many emails; those
 * that arrive meanwhile are applied by the next one. The events of a failed statement are claimed again when their lease expires.
 */
export class EngagementQueue {
  readonly #options: EngagementQueueOptions
  #queued: RelayedEvent[] = []
  #applying: Promise<void> | null = null

  constructor(options: EngagementQueueOptions) {
    this.#options = options
  }

  /** Whether `count` more events may be claimed for this queue. */
  hasRoom = (count: number): boolean => this.#queued.length + count <= maxQueued

  add(relayed: RelayedEvent): void {
    this.#queued.push(relayed)
    this.#applying ??= this.#applyAll()
  }

  async whenIdle(): Promise<void> {
    await this.#applying
  }

  async #applyAll(): Promise<void> {
    // Yields once, so that events that are added together are applied together.
    await Promise.resolve()
    while (this.#queued.length > 0) await this.#apply(this.#queued.splice(0, maxPerStatement))
    // In the same turn as the last look at the queue: what is added next starts anew.
    this.#applying = null
  }

  async #apply(queued: readonly RelayedEvent[]): Promise<void> {
    const { apply, onApplied, onUnsettled, onFailure } = this.#options
    try {
      const applied = new Set((await apply(queued.map(storedKeyOf))).map(textOfKey))
      if (applied.size > 0) onApplied()
      const unsettled = queued.filter((relayed) => !applied.has(textOfKey(storedKeyOf(relayed))))
      if (unsettled.length > 0) onUnsettled(unsettled)
    } catch (error) {
      onFailure(error)
    }
  }
}

const storedKeyOf = ({ email, event }: RelayedEvent): StoredEventKey => keyOf(email, event)
