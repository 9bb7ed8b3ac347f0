import { ActivityFailure, ApplicationFailure } from '@temporalio/common'
import type { LoadedEmailState, LoadInput, SaveResult } from '../activities/lifecycle-activities.ts'
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'
import { changedRecipients, emptySnapshot, foldEvents, type Snapshot } from '../domain/lifecycle.ts'
import { receivedBetween } from '../domain/received-between.ts'
import { changeOf } from './timeline.ts'
import type { WorkflowRuntime } from './workflow-runtime.ts'

/**
 * The snapshot as this run knows it, equal to the stored one. A new run does not read before it writes: it assumes an email
 * without stored events, as most are, and a stale save answers with the stored state if that is wrong.
 */
export class SnapshotStore {
  current: Snapshot = emptySnapshot
  revision = 0
  /** Whether `current` is known to be the stored snapshot. */
  isLoaded = false
  /** Whether the database turned out to have lost a save of this run. The caller resets it once it has acted on it. */
  isSaveLost = false
  /** How often this run has saved, including saves that were refused as stale. */
  saves = 0
  readonly #email: EmailKey
  readonly #runtime: WorkflowRuntime
  readonly #onStored: (stored: LoadedEmailState) => void

  /** @param onStored called with the stored state whenever it is read. */
  constructor(email: EmailKey, runtime: WorkflowRuntime, onStored: (stored: LoadedEmailState) => void) {
    this.#email = email
    this.#runtime = runtime
    this.#onStored = onStored
  }

  restore(stored: LoadedEmailState): void {
    this.current = stored.snapshot
    this.revision = stored.revision
    this.isLoaded = true
    this.#onStored(stored)
  }

  async load(): Promise<void> {
    if (!this.isLoaded) await this.#load(this.#email)
  }

  /**
   * Reads the stored state again, because events that this run has saved were received again.
   * @returns the IDs of those that are not applied: the database has lost the save.
   */
  async findUnapplied(events: readonly LifecycleEvent[]): Promise<readonly string[]> {
    const { unappliedEventIds } = await this.#load({ ...this.#email, eventIds: events.map(({ id }) => id) })
    return unappliedEventIds ?? []
  }

  async #load(input: LoadInput): Promise<LoadedEmailState> {
    const { local, retrying } = this.#runtime
    const stored = await local.loadLife(input).catch(() => retrying.loadLife(input))
    this.restore(stored)
    return stored
  }

  /**
   * Folds events into the snapshot and stores both. After a stale save it folds them into the stored snapshot and tries again.
   * @returns the IDs of events that cannot be stored and were quarantined.
   */
  async save(events: readonly LifecycleEvent[]): Promise<string[]> {
    let unapplied = events
    while (unapplied.length > 0) {
      const next = foldEvents(this.current, unapplied)
      const result = await this.#store(next, unapplied)
      this.saves += 1
      if ('rejection' in result) return this.#quarantine(unapplied, result.rejection)
      if (result.outcome === 'saved') {
        this.current = next
        this.revision += 1
        this.isLoaded = true
        return []
      }
      if (result.life.revision < this.revision && this.#runtime.patched('forgets what the database has lost')) {
        this.isSaveLost = true
      }
      this.restore(result.life)
      unapplied = unapplied.filter((event) => !result.appliedEventIds.includes(event.id))
    }
    return []
  }

  #store(next: Snapshot, events: readonly LifecycleEvent[]): Promise<SaveResult | { rejection: string }> {
    const input = {
      ...this.#email,
      snapshot: next,
      expectedRevision: this.revision,
      eventIds: events.map((event) => event.id),
      changedRecipients: changedRecipients(this.current, next),
      receivedBetween: receivedBetween(events),
      change: changeOf(this.current, next, events.length),
    }
    const { local, retrying } = this.#runtime
    return local
      .saveSnapshot(input)
      .catch(() => retrying.saveSnapshot(input).catch((error) => ({ rejection: rejectionIn(error) })))
  }

  /** Saves the events of a rejected batch one by one, so that only those at fault are quarantined. */
  async #quarantine(events: readonly LifecycleEvent[], reason: string): Promise<string[]> {
    const eventIds = events.map(({ id }) => id)
    if (events.length === 1) {
      await this.#runtime.retrying.quarantineEvents({ ...this.#email, eventIds, reason })
      return eventIds
    }
    const quarantined: string[] = []
    for (const event of events) quarantined.push(...(await this.save([event])))
    return quarantined
  }
}

/** Why the snapshot cannot be stored. @throws the error itself if it has another cause. */
function rejectionIn(error: unknown): string {
  const cause = error instanceof ActivityFailure ? error.cause : undefined
  if (cause instanceof ApplicationFailure && cause.type === 'SnapshotRejected') return cause.message
  throw error
}
