import type { Escalation } from '../domain/escalation.ts'
import { type Snapshot, statusOf } from '../domain/lifecycle.ts'
import { type LifecyclePolicy, transitHiddenUntil } from '../domain/stall-policy.ts'
import { searchAttributes } from './messages.ts'
import { timelineOf } from './timeline.ts'
import type { WorkflowRuntime } from './workflow-runtime.ts'

/** What Temporal's Web UI shows of a run: current details, and search attributes to filter by. */
export class Visibility {
  readonly #provider: string
  readonly #policy: LifecyclePolicy
  readonly #runtime: WorkflowRuntime
  readonly #startedAt: number

  constructor(provider: string, policy: LifecyclePolicy, runtime: WorkflowRuntime) {
    this.#provider = provider
    this.#policy = policy
    this.#runtime = runtime
    this.#startedAt = runtime.now()
  }

  /**
   * Updates both. An upsert of search attributes costs a history event and a write, so it contains only those that changed, and
   * the steps of an email that is delivered within moments are left out.
   */
  show(snapshot: Snapshot, escalations: readonly Escalation[]): void {
    const domain = this.#runtime.searchAttribute(searchAttributes.recipientDomain)
    this.#runtime.setCurrentDetails(timelineOf(snapshot, escalations, [this.#provider, ...(domain ? [domain] : [])]))
    const hiddenUntil = this.hiddenUntil(snapshot)
    const changed = this.#changedAttributes(snapshot)
    if (changed.length > 0 && (hiddenUntil === null || hiddenUntil <= this.#runtime.now())) {
      this.#runtime.upsertSearchAttributes(changed)
    }
  }

  /** Null if nothing is hidden. In runs of older versions also once the email is shown as sent: no step follows but the last. */
  hiddenUntil(snapshot: Snapshot): number | null {
    const isOlderRun = this.#policy.lingerAfterSettledMs === undefined
    if (isOlderRun && this.#runtime.searchAttribute(searchAttributes.status) === 'sent') return null
    return transitHiddenUntil(snapshot, this.#policy, this.#startedAt)
  }

  /** Whether hidden search attributes are due to be shown. */
  isDue(snapshot: Snapshot, now: number): boolean {
    const hiddenUntil = this.hiddenUntil(snapshot)
    return hiddenUntil !== null && hiddenUntil <= now && this.#changedAttributes(snapshot).length > 0
  }

  #changedAttributes(snapshot: Snapshot) {
    return [
      { key: searchAttributes.status, value: statusOf(snapshot) },
      { key: searchAttributes.priority, value: snapshot.priority },
    ].filter(({ key, value }) => this.#runtime.searchAttribute(key) !== value)
  }
}
