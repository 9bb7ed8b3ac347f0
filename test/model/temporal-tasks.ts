/** The runs of a Temporal server, its tasks, and the retry policies of activities. */
import { ActivityFailure, RetryState } from '@temporalio/common'
import { TemporalUnavailableError } from '../../src/errors.ts'
import type { Activation, Job, Outcome } from './workflow-instance.ts'

export interface StartOptions {
  readonly workflowId: string
  readonly type: string
  readonly input: unknown
  readonly attributes: Readonly<Record<string, string>>
}

export interface PendingActivity {
  readonly seq: number
  readonly type: string
  readonly input: unknown
  readonly scheduledAt: number
  attempt: number
  /** Of the current attempt; answers of other attempts are ignored. */
  token: TaskToken | null
}

export interface Run extends StartOptions {
  readonly history: Activation[]
  /** The length of the history after each workflow task: the points that a reset can go to. */
  readonly taskEnds: number[]
  /** Jobs that no completed workflow task has delivered yet. */
  readonly jobs: Job[]
  readonly activities: Map<number, PendingActivity>
  readonly timers: Map<number, { readonly at: number; readonly cancel: () => void }>
  state: 'open' | 'completed' | 'continued' | 'terminated' | 'failed'
  /** Of the current or scheduled workflow task; null if there is none. */
  task: TaskToken | null
  /** The outcomes of updates; null while pending. */
  readonly updates: Map<string, Outcome | null>
}

export interface TaskToken {
  /** Cancels the task's timeout. */
  cancel(): void
}

export interface WorkflowTask {
  readonly run: Run
  readonly token: TaskToken
  readonly jobs: readonly Job[]
  readonly isContinueAsNewSuggested: boolean
}

export interface ActivityTask {
  readonly run: Run
  readonly token: TaskToken
  readonly type: string
  readonly input: unknown
  readonly attempt: number
}

/** A worker that polls. The server gives each task to one of them. */
export interface Poller {
  takeWorkflowTask(task: WorkflowTask): void
  takeActivityTask(task: ActivityTask): void
}

/** As in `workflows/activities.ts`; all in milliseconds. */
export interface RetryPolicy {
  readonly startToClose: number
  readonly scheduleToClose: number
  readonly firstPause: number
  readonly longestPause: number
  readonly attempts: number
}

const retrying: RetryPolicy = {
  startToClose: 10_000,
  scheduleToClose: Number.POSITIVE_INFINITY,
  firstPause: 500,
  longestPause: 5_000,
  attempts: Number.POSITIVE_INFINITY,
}

const policiesByType: Readonly<Record<string, RetryPolicy>> = {
  askProvider: { ...retrying, scheduleToClose: 30_000, firstPause: 1_000, attempts: 3 },
  tellSupport: {
    ...retrying,
    startToClose: 30_000,
    scheduleToClose: 3 * 86_400_000,
    firstPause: 1_000,
    longestPause: 60_000,
  },
}

export const retryPolicyOf = (type: string): RetryPolicy => policiesByType[type] ?? retrying

export const activityFailure = (type: string, cause: Error): ActivityFailure =>
  new ActivityFailure('the activity failed', type, undefined, RetryState.NON_RETRYABLE_FAILURE, undefined, cause)

export const unavailable = () => new TemporalUnavailableError('Temporal does not answer')
