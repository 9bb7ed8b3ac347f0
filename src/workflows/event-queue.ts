import type { LifecycleEvent } from '../domain/events.ts'

/**
 * The events of a run: those that are pending, and the IDs of those that it has applied, to detect repeats. Repeats of events
 * that earlier runs applied are detected by the save. Applied IDs are forgotten when the database turns out to have lost a save:
 * the events then come back as repeats.
 */
export class EventQueue {
  #pending: LifecycleEvent[] = []
  readonly #applied = new Set<string>()

  pending = (): readonly LifecycleEvent[] => this.#pending

  add(events: readonly LifecycleEvent[]): void {
    this.#pending.push(...events)
  }

  /** Removes all pending events: those that are new to this run, now marked as applied, and repeats. */
  take(): { fresh: LifecycleEvent[]; repeats: LifecycleEvent[] } {
    const [fresh, repeats]: [LifecycleEvent[], LifecycleEvent[]] = [[], []]
    for (const event of this.#pending.splice(0)) (this.markApplied(event) ? fresh : repeats).push(event)
    return { fresh, repeats }
  }

  /** @returns whether it was not marked before. */
  markApplied({ id }: LifecycleEvent): boolean {
    const isNew = !this.#applied.has(id)
    this.#applied.add(id)
    return isNew
  }

  forget(ids: readonly string[]): void {
    for (const id of ids) this.#applied.delete(id)
  }

  /** Takes those repeats that the database does not have as applied, each once. If there are any, all other marks are removed. */
  takeUnapplied(repeats: readonly LifecycleEvent[], unappliedIds: readonly string[]): LifecycleEvent[] {
    const unapplied = new Set(unappliedIds)
    if (unapplied.size === 0) return []
    this.#applied.clear()
    return repeats.filter((event) => unapplied.has(event.id) && this.markApplied(event))
  }

  /** After the database has lost a save: removes all marks, and makes the repeats pending again. */
  requeue(repeats: readonly LifecycleEvent[]): void {
    this.#applied.clear()
    this.add(repeats)
  }
}
