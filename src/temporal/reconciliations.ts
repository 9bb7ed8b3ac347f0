/** The workflows that reconcile with providers, on a Temporal server. */
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from '@temporalio/client'
import { runAsked } from '../workflows/messages.ts'
import type { ReconcileInput, reconcile } from '../workflows/reconcile.ts'
import { temporalErrorOf } from './errors.ts'

export interface Reconciliations {
  /**
   * Starts the provider's workflow if none is running.
   * @returns whether it was started.
   * @throws TemporalUnavailableError if the call can be retried.
   */
  start(provider: string): Promise<boolean>
  /**
   * Starts the provider's workflow, or has the running one look for another run before it completes: one that is about to complete would
   * leave a run that was just stored to the schedule.
   * @throws as start.
   */
  ask(provider: string): Promise<void>
}

/** Where there is no Temporal: the schedule starts what is asked for. */
export const noReconciliations: Reconciliations = { start: async () => false, ask: async () => {} }

/** `reconcile/<provider>`: two runs would ask the same account at once. */
const reconcileWorkflowIdOf = (provider: string): string => `reconcile/${provider}`

const deadlineMs = 5_000

export const createReconciliations = (client: Client, taskQueue: string): Reconciliations => ({
  async start(provider) {
    try {
      await client.withDeadline(Date.now() + deadlineMs, () =>
        client.workflow.start<typeof reconcile>('reconcile', {
          ...optionsFor(provider, taskQueue),
          workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
        }),
      )
      return true
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false
      throw temporalErrorOf(error)
    }
  },

  async ask(provider) {
    try {
      await client.withDeadline(Date.now() + deadlineMs, () =>
        client.workflow.signalWithStart<typeof reconcile, []>('reconcile', {
          ...optionsFor(provider, taskQueue),
          signal: runAsked,
          signalArgs: [],
        }),
      )
    } catch (error) {
      throw temporalErrorOf(error)
    }
  },
})

const optionsFor = (provider: string, taskQueue: string) => ({
  workflowId: reconcileWorkflowIdOf(provider),
  taskQueue,
  args: [{ provider }] as [ReconcileInput],
  workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
  staticSummary: `Compares the record of ${provider} with ours`,
})
