/** The workflows that reconcile with providers, on a Temporal server. */
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from '@temporalio/client'
import type { reconcile } from '../workflows/reconcile.ts'
import { temporalErrorOf } from './errors.ts'

export interface Reconciliations {
  /**
   * Starts the provider's workflow if none is running.
   * @returns whether it was started.
   * @throws TemporalUnavailableError if the call can be retried.
   */
  start(provider: string): Promise<boolean>
}

/** Where there is no Temporal: the schedule starts what is asked for. */
export const noReconciliations: Reconciliations = { start: async () => false }

/** `reconcile/<provider>`: two runs would ask the same account at once. */
const reconcileWorkflowIdOf = (provider: string): string => `reconcile/${provider}`

const deadlineMs = 5_000

export const createReconciliations = (client: Client, taskQueue: string): Reconciliations => ({
  async start(provider) {
    try {
      await client.withDeadline(Date.now() + deadlineMs, () =>
        client.workflow.start<typeof reconcile>('reconcile', {
          workflowId: reconcileWorkflowIdOf(provider),
          taskQueue,
          args: [{ provider }],
          workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
          workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
          staticSummary: `Compares the record of ${provider} with ours`,
        }),
      )
      return true
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false
      throw temporalErrorOf(error)
    }
  },
})
