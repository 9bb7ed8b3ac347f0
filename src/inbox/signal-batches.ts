import { type StoredEventKey, textOfKey } from '../db/event-key.ts'
import { type EmailKey, type LifecycleEvent, type Priority, priorities } from '../domain/events.ts'
import { workflowIdOf } from '../temporal/email-workflows.ts'
import type { Clock } from './clock.ts'
import type { RelayedEvent } from './event-store.ts'

/** How long the first events of an email wait for further ones to share their signal; milliseconds by priority. */
export type CoalesceMs = Readonly<Record<Priority, number>>

export const withoutWaiting: CoalesceMs = { critical: 0, normal: 0, bulk: 0 }

/** The content of an email's next signal. */
export interface SignalBatch {
  readonly email: EmailKey
  readonly workflowId: string
  priority: Priority
  recipientDomain: string | null
  account: string | null
  events: LifecycleEvent[]
  /** When the first event was claimed. */
  readonly claimedAtMs: number
}

export interface SignalBatchesOptions {
  readonly clock: Clock
  /** Called when a batch has waited for its coalescing time. */
  readonly onDue: () => void
}

const maxEventsPerSignal = 1_000

/** Shorter than a lease. Older batches are dropped, since another instance may claim their events. */
const maxAgeMs = 25_000

export const keyOf = ({ provider }: EmailKey, { id, receivedAt }: LifecycleEvent): StoredEventKey => ({
  provider,
  id,
  receivedAt,
})

export const keysOf = ({ email, events }: SignalBatch): StoredEventKey[] => events.map((event) => keyOf(email, event))

/** Claimed events in one batch per email, either coalescing or due to be signalled. */
export class SignalBatches {
  readonly #options: SignalBatchesOptions
  /** By workflow ID, like `#due`. */
  readonly #coalescing = new Map<string, SignalBatch>()
  /** In the order in which they became due. */
  readonly #due: Readonly<Record<Priority, Map<string, SignalBatch>>> = {
    critical: new Map(),
    normal: new Map(),
    bulk: new Map(),
  }

  constructor(options: SignalBatchesOptions) {
    this.#options = options
  }

  /** Adds an event to its email's batch. A new batch waits for the coalescing time of its priority. */
  add({ email, event, priority, recipientDomain, account }: RelayedEvent, coalesceMs: CoalesceMs): void {
    const workflowId = workflowIdOf(email)
    const batch = this.#batchOf(workflowId)
    if (!batch) {
      const claimedAtMs = this.#options.clock.now()
      this.#start(
        { email, workflowId, priority, recipientDomain, account, events: [event], claimedAtMs },
        coalesceMs[priority],
      )
      return
    }
    batch.events.push(event)
    batch.recipientDomain ??= recipientDomain
    batch.account ??= account
    if (isMoreUrgent(priority, batch.priority)) this.#raise(batch, priority, coalesceMs[priority])
  }

  /**
   * Removes and returns the next batch, by priority and age; undefined if none is due. Drops batches that are too old: the leases
   * of their events expire.
   * @param isBusy whether a signal to the workflow is active: its batch waits.
   */
  next(isBusy: (workflowId: string) => boolean): SignalBatch | undefined {
    const since = this.#options.clock.now() - maxAgeMs
    for (const priority of priorities) {
      const due = this.#due[priority]
      for (const [workflowId, batch] of due) {
        if (isBusy(workflowId)) continue
        due.delete(workflowId)
        if (batch.claimedAtMs < since) continue
        const rest = batch.events.splice(maxEventsPerSignal)
        if (rest.length > 0) due.set(workflowId, { ...batch, events: rest })
        return batch
      }
    }
    return undefined
  }

  /** Removes all batches. @returns the keys of all events. */
  clear(): StoredEventKey[] {
    const waiting = [this.#coalescing, ...priorities.map((priority) => this.#due[priority])]
    const keys = waiting.flatMap((batches) => [...batches.values()].flatMap(keysOf))
    for (const batches of waiting) batches.clear()
    return [...new Map(keys.map((key) => [textOfKey(key), key])).values()]
  }

  #batchOf = (workflowId: string): SignalBatch | undefined =>
    this.#coalescing.get(workflowId) ??
    priorities.map((priority) => this.#due[priority].get(workflowId)).find((batch) => batch !== undefined)

  #start(batch: SignalBatch, waitMs: number): void {
    if (waitMs <= 0) {
      this.#due[batch.priority].set(batch.workflowId, batch)
      return
    }
    this.#coalescing.set(batch.workflowId, batch)
    void this.#options.clock.sleep(waitMs).then(() => this.#makeDue(batch))
  }

  /** Raises the priority of a batch for a more urgent event. */
  #raise(batch: SignalBatch, priority: Priority, waitMs: number): void {
    const isDue = this.#due[batch.priority].delete(batch.workflowId)
    batch.priority = priority
    if (isDue) this.#due[priority].set(batch.workflowId, batch)
    else if (waitMs <= 0) this.#makeDue(batch)
  }

  #makeDue(batch: SignalBatch): void {
    // It may have been removed meanwhile.
    if (this.#coalescing.get(batch.workflowId) !== batch) return
    this.#coalescing.delete(batch.workflowId)
    this.#due[batch.priority].set(batch.workflowId, batch)
    this.#options.onDue()
  }
}

const isMoreUrgent = (a: Priority, b: Priority): boolean => priorities.indexOf(a) < priorities.indexOf(b)
