/**
 * What the workflows' loops need of Temporal, as one small interface. `temporal-runtime.ts` implements it on Temporal. The model
 * check implements its own, and runs the same loops without a server. Types only.
 */
import type { LifecycleActivities } from '../activities/lifecycle-activities.ts'
import type { searchAttributes } from './messages.ts'

/** A started timer. */
export interface WorkflowTimer {
  readonly hasFired: boolean
  /** Does nothing if it has fired. */
  cancel(): void
}

export type KeywordKey = (typeof searchAttributes)[keyof typeof searchAttributes]

/** Every call is deterministic: it returns the same value when a run is replayed. */
export interface WorkflowRuntime {
  /** Epoch milliseconds. The same throughout one workflow task. */
  now(): number
  /**
   * Waits until `isMet` returns true; it is called after each change to the run. Without a timeout no timer is started.
   * @returns whether the condition was met before the timeout.
   */
  condition(isMet: () => boolean, timeoutMs?: number): Promise<boolean>
  startTimer(ms: number): WorkflowTimer
  /** Whether this run has the change with this ID. Recorded in the history, so an ID is never reused. */
  patched(changeId: string): boolean
  continueAsNewSuggested(): boolean
  /** Whether every handler of a signal or update has returned. */
  allHandlersFinished(): boolean
  /** The run's value in Temporal's visibility store. */
  searchAttribute(key: KeywordKey): string | undefined
  upsertSearchAttributes(changes: { key: KeywordKey; value: string }[]): void
  /** Markdown for the Web UI. Adds no history. */
  setCurrentDetails(markdown: string): void
  logError(message: string, attributes: Record<string, unknown>): void
  /** Local activities: short attempts within the workflow task. They fail soon; `retrying` then does the same. */
  readonly local: Pick<LifecycleActivities, 'saveSnapshot' | 'loadLife'>
  /** Retried by the server until they succeed. The only failure that ends them is `SnapshotRejected`. */
  readonly retrying: Pick<
    LifecycleActivities,
    'saveSnapshot' | 'loadLife' | 'quarantineEvents' | 'countSoftBounce' | 'suppressRecipient' | 'recordEscalation'
  >
  /** Fails with an ActivityFailure after half a minute. */
  readonly askProvider: LifecycleActivities['askProvider']
  /** Fails with an ActivityFailure when the channel refuses the notice, or after 3 days. */
  readonly tellSupport: LifecycleActivities['tellSupport']
}

/** How a loop ends: the workflow completes with `result`, or continues as new with the input `next`. */
export type RunEnd<Input, Result> = { readonly next: Input } | { readonly result: Result }
