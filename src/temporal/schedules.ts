/** Scheduled jobs: one Temporal Schedule each, so that one run at a time serves any number of workers. */
import { type Client, ScheduleAlreadyRunning, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client'
import { taskQueue as defaultTaskQueue } from './worker.ts'

/** A job. After a downtime the schedule starts one run, whose workflow catches up on all that was missed. */
export interface ScheduledJob {
  /** The schedule's ID, and the prefix of its workflows' IDs. Never changes: a new ID would be a second schedule. */
  readonly id: string
  /** For the Web UI: what the job does. */
  readonly summary: string
  /** The workflow's name, as `src/workflows/index.ts` exports it. */
  readonly workflow: string
  readonly args: readonly unknown[]
  readonly everyMs: number
  /** Whether a run starts when the schedule is created. Default false: after the first interval. */
  readonly startsAtOnce?: boolean
}

/** A run that was due while Temporal was unavailable starts up to this late; after that, the next one does its work. */
const catchupWindowMs = 60_000

/**
 * Creates missing schedules and updates the others. Any number of workers may call it at once.
 * @throws the client's error if Temporal is unavailable.
 */
export async function ensureSchedules(
  client: Client,
  jobs: readonly ScheduledJob[],
  taskQueue: string = defaultTaskQueue,
): Promise<void> {
  for (const job of jobs) {
    const options = optionsOf(job, taskQueue)
    try {
      await client.schedule.create({ ...options, state: { triggerImmediately: job.startsAtOnce ?? false } })
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error
      // The state is kept: a paused schedule stays paused.
      await client.schedule.getHandle(job.id).update(({ state }) => ({ ...options, state }))
    }
  }
}

const optionsOf = ({ id, summary, workflow, args, everyMs }: ScheduledJob, taskQueue: string) =>
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
