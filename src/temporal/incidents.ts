/** Incidents as the rest of the system reaches them: one Temporal workflow for each reason and scope. */
import { type Client, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowNotFoundError } from '@temporalio/client'
import type { Incident } from '../domain/incident.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import { type incident, measured } from '../workflows/incident.ts'
import type { IncidentInput, Measurement } from '../workflows/ongoing-incident.ts'

export interface Incidents {
  /** Calls support for an incident, unless somebody was called for it since it began. */
  raise(incident: Incident, episode: string, detail: string): Promise<void>
  /**
   * Says that an incident is over.
   * @returns whether its workflow runs; if not, nobody writes its escalation.
   */
  clear(incident: Incident): Promise<boolean>
}

/** `incident/<reason>/<scope>`: one for all of its episodes, so that no two run at once. */
export const incidentWorkflowIdOf = ({ reason, scope }: Incident): string => `incident/${reason}/${scope}`

/** What an incident's workflow starts with, should this message be the one that starts it. */
export const incidentStart = (taskQueue: string, input: IncidentInput) => ({
  workflowId: incidentWorkflowIdOf(input),
  taskQueue,
  args: [input] as Parameters<typeof incident>,
  workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
  workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  staticSummary: `${input.reason} · ${input.scope}`.slice(0, 200),
})

export interface TemporalIncidentsOptions {
  readonly client: Client
  readonly taskQueue: string
  /** By which support is told a second time. */
  readonly policy: LifecyclePolicy
}

export const createTemporalIncidents = ({ client, taskQueue, policy }: TemporalIncidentsOptions): Incidents => ({
  async raise({ reason, scope }, episode, detail) {
    await client.workflow.signalWithStart<typeof incident, [Measurement]>('incident', {
      ...incidentStart(taskQueue, { reason, scope, episode, policy }),
      signal: measured,
      signalArgs: [{ level: 'raised', detail }],
    })
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
})
