/** The steps of runs that compare with a provider. Each is recorded before the next begins, which goes on from what is stored. */
import type { Reconciliation } from '../db/generated/client.ts'
import type { ReconcilableApi, ReconcileDependencies } from './dependencies.ts'

/** The run under way. */
export type Run = Pick<
  Reconciliation,
  'id' | 'provider' | 'kind' | 'from' | 'to' | 'cursor' | 'isDryRun' | 'startedBy' | 'statement'
>

/** What a step needs. */
export interface StepContext {
  readonly dependencies: ReconcileDependencies
  readonly api: ReconcilableApi
  readonly run: Run
}

/** What a step has done. */
export interface Step {
  /** Null: the run has ended. */
  readonly next: string | null
  /** Events of the provider's record, and those of them that were not stored. */
  readonly compared: number
  readonly missing: number
  /** How many requests a second the next step may make; null if it waits for nobody. */
  readonly requestsPerSecond: number | null
}

/** One step: does the work at `cursor`, and records it. Throws as `ProviderApi.fetchEvents` does. */
export type TakeStep = (context: StepContext, cursor: string | null) => Promise<Step>

/** A step that compares no event of the record. */
export const stepTo = (next: string | null, requestsPerSecond: number | null = null): Step => ({
  ...{ next, requestsPerSecond },
  compared: 0,
  missing: 0,
})
