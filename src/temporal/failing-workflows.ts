/** Workflows whose tasks keep failing, as Temporal reports them. */
import type { Client } from '@temporalio/client'

const deadlineMs = 5_000

/**
 * Counts the open workflows whose task failed several times in a row, such as after a release that cannot replay them. Servers
 * from 1.30 on set the search attribute after `system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute` failures, and remove
 * it with the next task that succeeds. One call to the visibility store.
 * @returns null if Temporal is unavailable or has no such attribute.
 */
export async function countFailingWorkflows(client: Client, taskQueue: string): Promise<number | null> {
  const query = `TaskQueue = "${taskQueue}" AND ExecutionStatus = "Running" AND TemporalReportedProblems IS NOT NULL`
  try {
    const { count } = await client.withDeadline(Date.now() + deadlineMs, () => client.workflow.count(query))
    return count
  } catch {
    return null
  }
}
