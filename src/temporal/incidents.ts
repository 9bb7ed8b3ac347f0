/** The workflows of incidents on a Temporal server: one for each reason and scope. */
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
} from '@temporalio/client'
import type { Incidents } from '../activities/dependencies.ts'
import type { Incident } from '../domain/incident.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import type { incident } from '../workflows/incident.ts'
import { type IncidentInput, type Measurement, measured } from '../workflows/messages.ts'
import { staticSummaryOf } from './static-summary.ts'

/** `incident/<reason>/<scope>`: the same for all episodes, so that no two run at once. */
export const incidentWorkflowIdOf = ({ reason, scope }: Incident): string => `incident/${reason}/${scope}`

/** The options of an incident's workflow, for a message that may start it. */
export const incidentStart = (taskQueue: string, input: IncidentInput) => ({
  workflowId: incidentWorkflowIdOf(input),
  taskQueue,
  args: [input] as Parameters<typeof incident>,
  workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
  workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  staticSummary: staticSummaryOf(input.reason, input.scope),
})

export interface TemporalIncidentsOptions {
  readonly client: Client
  readonly taskQueue: string
  /** Defines when the notice of an incident is repeated. */
  readonly policy: LifecyclePolicy
}

export const createTemporalIncidents = ({ client, taskQueue, policy }: TemporalIncidentsOptions): Incidents => ({
  async raise({ reason, scope }, episode, detail) {
    await client.workflow.signalWithStart<typeof incident, [Measurement]>('incident', {
      ...incidentStart(taskQueue, { reason, scope, episode, policy }),
      signal: measured,
      signalArgs: [{ level: 'raised', detail, episode }],
    })
  },

  async ensureStarted({ reason, scope }, episode) {
    const start = incidentStart(taskQueue, { reason, scope, episode, policy })
    const workflowIdConflictPolicy = WorkflowIdConflictPolicy.FAIL
    try {
      await client.workflow.start<typeof incident>('incident', { ...start, workflowIdConflictPolicy })
      return true
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false
      throw error
    }
  },

  async clear(incident) {
    try {
      await client.workflow.getHandle(incidentWorkflowIdOf(incident)).signal(measured, { level: 'clear', detail: '' })
      return true
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false
      throw error
    }
  },

  async terminate(incident) {
    try {
      await client.workflow
        .getHandle(incidentWorkflowIdOf(incident))
        .terminate('the API handles this incident since release 0.4')
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error
    }
  },
})
