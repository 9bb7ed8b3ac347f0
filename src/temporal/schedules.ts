/** Work that comes round by itself: a Temporal Schedule each, so that one run at a time serves any number of workers. */
import { type Client, ScheduleAlreadyRunning, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client'
import { taskQueue as defaultTaskQueue } from './worker.ts'

/** One kind of recurring work. What was missed in a downtime is its workflow's to catch up: the schedule runs it once. */
export interface RecurringWork {
  /** The schedule's ID, which its workflows' IDs begin with. The same for ever: a new one would be a second schedule. */
  readonly id: string
  /** For people in the Web UI: what is done. */
  readonly summary: string
  /** The workflow's name, as `src/workflows/index.ts` exports it. */
  readonly workflow: string
  readonly args: readonly unknown[]
  readonly everyMs: number
}

/** A run that came due while Temporal was away is started late within this, then left to the next one. */
const catchupWindowMs = 60_000

/**
 * Creates the schedules that are not there and brings the others up to date. Any number of workers may do so at once.
 * @throws the client's own error when Temporal is away.
 */
export async function ensureSchedules(
  client: Client,
  works: readonly RecurringWork[],
  taskQueue: string = defaultTaskQueue,
): Promise<void> {
  for (const work of works) {
    const options = optionsOf(work, taskQueue)
    try {
      await client.schedule.create(options)
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error
      // Paused by somebody stays paused.
      await client.schedule.getHandle(work.id).update(({ state }) => ({ ...options, state }))
    }
  }
}

const optionsOf = ({ id, summary, workflow, args, everyMs }: RecurringWork, taskQueue: string) =>
  ({
    scheduleId: id,
    spec: { intervals: [{ every: everyMs }] },
    action: {
      type: 'startWorkflow',
      workflowType: workflow,
      workflowId: id,
      taskQueue,
      args: [...args],
      staticSummary: summary,
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: catchupWindowMs },
  }) satisfies ScheduleOptions
