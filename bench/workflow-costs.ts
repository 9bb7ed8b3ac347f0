/** What lifecycle workflows cost by what Temporal says of them. */
import { createTemporalClient } from '../src/temporal/connection.ts'
import { billableActionsIn } from './billable-actions.ts'

export interface WorkflowCosts {
  readonly runs: number
  readonly historyEvents: number
  readonly historyBytes: number
  readonly actions: number
}

/** @param idPrefix of the emails. Default: all. */
export async function readWorkflowCosts(address: string, idPrefix = ''): Promise<WorkflowCosts> {
  const client = createTemporalClient({ address, namespace: 'default', security: {} })
  const found = { runs: 0, historyEvents: 0, historyBytes: 0, actions: 0 }
  const query = `WorkflowType = "emailLifecycle" AND WorkflowId STARTS_WITH "email/aisend/${idPrefix}"`
  for await (const run of client.workflow.list({ query })) {
    const handle = client.workflow.getHandle(run.workflowId, run.runId)
    const [{ events }, { historySize }] = await Promise.all([handle.fetchHistory(), handle.describe()])
    found.runs += 1
    found.historyEvents += events?.length ?? 0
    found.historyBytes += historySize ?? 0
    found.actions += billableActionsIn(events ?? [])
  }
  await client.connection.close()
  return found
}

/** As the visibility store says: some moments late. */
export async function countOpenWorkflows(address: string): Promise<number> {
  const client = createTemporalClient({ address, namespace: 'default', security: {} })
  const { count } = await client.workflow.count('WorkflowType = "emailLifecycle" AND ExecutionStatus = "Running"')
  await client.connection.close()
  return count
}
