import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow'
import type { SaveResult, StoredLife } from '../activities/lifecycle-activities.ts'
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'
import { foldEvents, type Snapshot, unheardOf } from '../domain/lifecycle.ts'
import { receivedBetween } from '../domain/received-between.ts'
import { localActivities, patientActivities } from './activities.ts'
import { changeOf } from './timeline.ts'

/**
 * The snapshot as this run knows it, kept equal to the one that is stored. A new run does not read before it writes: it
 * assumes an email nobody has heard of, which most are, and learns from the refused save if it was wrong.
 */
export class KeptSnapshot {
  current: Snapshot = unheardOf
  revision = 0
  /** Whether `current` is known to be what is stored. */
  isLoaded = false
  /** Of this run, those among them that were refused as stale. */
  saves = 0
  readonly #email: EmailKey
  readonly #onLoad: (life: StoredLife) => void

  /** @param onLoad told what else is stored of the life, whenever it is read. */
  constructor(email: EmailKey, onLoad: (life: StoredLife) => void) {
    this.#email = email
    this.#onLoad = onLoad
  }

  adopt(life: StoredLife): void {
    this.current = life.snapshot
    this.revision = life.revision
    this.isLoaded = true
    this.#onLoad(life)
  }

  async load(): Promise<void> {
    if (this.isLoaded) return
    this.adopt(await localActivities.loadLife(this.#email).catch(() => patientActivities.loadLife(this.#email)))
  }

  /**
   * Folds events and stores the result with them; again on top of what is stored if that is another life.
   * @returns the IDs of events that cannot be stored and were quarantined.
   */
  async save(events: readonly LifecycleEvent[]): Promise<string[]> {
    let fresh = events
    while (fresh.length > 0) {
      const next = foldEvents(this.current, fresh)
      const result = await this.#store(next, fresh)
      this.saves += 1
      if ('rejection' in result) return this.#setAside(fresh, result.rejection)
      if (result.outcome === 'saved') {
        this.current = next
        this.revision += 1
        this.isLoaded = true
        return []
      }
      this.adopt(result.life)
      fresh = fresh.filter((event) => !result.appliedEventIds.includes(event.id))
    }
    return []
  }

  #store(next: Snapshot, events: readonly LifecycleEvent[]): Promise<SaveResult | { rejection: string }> {
    const input = {
      ...this.#email,
      snapshot: next,
      expectedRevision: this.revision,
      eventIds: events.map((event) => event.id),
      receivedBetween: receivedBetween(events),
      change: changeOf(this.current, next, events.length),
    }
    return localActivities
      .saveSnapshot(input)
      .catch(() => patientActivities.saveSnapshot(input).catch((error) => ({ rejection: rejectionIn(error) })))
  }

  /** A batch that can't be stored is tried event by event, so that only the event at fault is quarantined. */
  async #setAside(events: readonly LifecycleEvent[], reason: string): Promise<string[]> {
    const eventIds = events.map(({ id }) => id)
    if (events.length === 1) {
      await patientActivities.quarantineEvents({ ...this.#email, eventIds, reason })
      return eventIds
    }
    const setAside: string[] = []
    for (const event of events) setAside.push(...(await this.save([event])))
    return setAside
  }
}

/** Why the snapshot can't be stored at all. @throws the error itself if it is another one. */
function rejectionIn(error: unknown): string {
  const cause = error instanceof ActivityFailure ? error.cause : undefined
  if (cause instanceof ApplicationFailure && cause.type === 'SnapshotRejected') return cause.message
  throw error
}
