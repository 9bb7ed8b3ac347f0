import type { WorkflowExecutionInfo } from '@temporalio/client'
import type { Incidents } from '../../src/activities/dependencies.ts'
import type { Escalation, EscalationCommand } from '../../src/domain/escalation.ts'
import { incidentKeyOf } from '../../src/domain/incident.ts'
import type { LifecyclePolicy } from '../../src/domain/stall-policy.ts'
import { createTemporalIncidents, incidentWorkflowIdOf } from '../../src/temporal/incidents.ts'
import { until } from '../until.ts'
import { type EmailRig, slowPolicy } from '../workflows/email-rig.ts'

/** An incident, with the watch that measures it, people's commands and its notices. */
export class IncidentRuns {
  readonly #rig: EmailRig
  readonly #incident: { reason: 'bounce_rate'; scope: string }
  readonly #incidents: Incidents
  #episode = ''

  constructor(rig: EmailRig, scope: string, policy: Partial<LifecyclePolicy> = {}) {
    this.#rig = rig
    this.#incident = { reason: 'bounce_rate', scope }
    const { client, taskQueue } = rig
    this.#incidents = createTemporalIncidents({ client, taskQueue, policy: { ...slowPolicy, ...policy } })
  }

  async raise(): Promise<void> {
    this.#episode = new Date().toISOString()
    await this.#incidents.raise(this.#incident, this.#episode, 'Too many bounce.')
    await until(async () => (await this.#rig.db.escalation.count({ where: this.#key() })) === 1)
  }

  clear = (): Promise<boolean> => this.#incidents.clear(this.#incident)

  command = (command: EscalationCommand): Promise<Escalation> =>
    this.#rig.email().emailWorkflows.command(this.#key(), this.#incident.reason, command)

  #key = () => incidentKeyOf(this.#incident.scope, this.#episode)

  /** Of its latest episode. */
  async states(): Promise<string[]> {
    return (await this.#rig.db.escalation.findMany({ where: this.#key() })).map(({ state }) => state)
  }

  /** Of all its episodes. */
  notices = (): number => this.#rig.notices.filter(({ emailId }) => emailId.startsWith(this.#incident.scope)).length

  handle = (runId?: string) => this.#rig.client.workflow.getHandle(incidentWorkflowIdOf(this.#incident), runId)

  async runs(): Promise<WorkflowExecutionInfo[]> {
    const runs: WorkflowExecutionInfo[] = []
    const query = `WorkflowId = "${incidentWorkflowIdOf(this.#incident)}"`
    for await (const run of this.#rig.client.workflow.list({ query })) runs.push(run)
    return runs
  }

  closed = (): Promise<void> => until(async () => (await this.handle().describe()).status.name === 'COMPLETED')
}
