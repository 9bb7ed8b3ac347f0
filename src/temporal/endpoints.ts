/** The workflows of endpoints on a Temporal server: one for each endpoint with a URL. */
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from '@temporalio/client'
import type { endpoint } from '../workflows/endpoint.ts'
import { endpointChanged } from '../workflows/endpoint-messages.ts'
import { temporalErrorOf } from './errors.ts'
import { staticSummaryOf } from './static-summary.ts'

export interface EndpointWorkflows {
  /**
   * Starts the endpoint's workflow if none is running.
   * @returns whether it was started.
   * @throws TemporalUnavailableError if the call can be retried. A scheduled job starts what is missing.
   */
  ensureStarted(endpointId: string): Promise<boolean>
  /**
   * After an endpoint was created, changed, resumed or deleted: its workflow acts on it at once, and is started if none is running.
   * @throws TemporalUnavailableError if the call can be retried.
   */
  changed(endpointId: string): Promise<void>
}

/** Where there is no Temporal: the scheduled job starts what is missing. */
export const noEndpointWorkflows: EndpointWorkflows = { ensureStarted: async () => false, changed: async () => {} }

export const endpointWorkflowIdOf = (endpointId: string): string => `endpoint/${endpointId}`

const deadlineMs = 5_000

const startOf = (taskQueue: string, endpointId: string) => ({
  workflowId: endpointWorkflowIdOf(endpointId),
  taskQueue,
  args: [{ endpointId }] as Parameters<typeof endpoint>,
  workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
  // Its few tasks, one in ten minutes, go before a backlog of emails: each of those has an event to be delivered here.
  priority: { priorityKey: 1 },
  staticSummary: staticSummaryOf('webhooks to an application', endpointId),
})

/** @param taskQueue of the workflows. */
export const createEndpointWorkflows = (client: Client, taskQueue: string): EndpointWorkflows => {
  const within = <T>(call: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + deadlineMs, call)
  return {
    async ensureStarted(endpointId) {
      try {
        const workflowIdConflictPolicy = WorkflowIdConflictPolicy.FAIL
        await within(() =>
          client.workflow.start<typeof endpoint>('endpoint', {
            ...startOf(taskQueue, endpointId),
            workflowIdConflictPolicy,
          }),
        )
        return true
      } catch (error) {
        if (error instanceof WorkflowExecutionAlreadyStartedError) return false
        throw temporalErrorOf(error)
      }
    },

    async changed(endpointId) {
      try {
        await within(() =>
          client.workflow.signalWithStart<typeof endpoint, []>('endpoint', {
            ...startOf(taskQueue, endpointId),
            workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
            signal: endpointChanged,
          }),
        )
      } catch (error) {
        throw temporalErrorOf(error)
      }
    },
  }
}
