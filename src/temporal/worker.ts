import { type NativeConnection, Runtime, Worker } from '@temporalio/worker'
import type { Logger } from 'pino'
import type { WorkerActivities } from '../activities/worker-activities.ts'
import { type Deployment, versioningOf } from './deployment.ts'
import type { WorkerTracing } from './worker-tracing.ts'
import { type WorkflowCode, workflowCode } from './workflow-code.ts'

export const taskQueue = 'email-lifecycle'

/**
 * Few enough that a worker with an empty cache and little CPU replays each run within the task timeout. Enough for tasks that wait for
 * Temporal more than they compute: a backlog with Temporal on PostgreSQL ran at 150 events/s with 8 slots, half of the cores idle; 240 with
 * 16, 209 with 32. See `bench:storm` and `bench:simulated` in bench/README.md.
 */
const workflowSlots = 16

export interface LifecycleWorkerOptions {
  readonly connection: NativeConnection
  readonly namespace: string
  readonly activities: WorkerActivities
  /** Default {@link taskQueue}. */
  readonly taskQueue?: string
  /** Default {@link workflowCode}. */
  readonly workflows?: WorkflowCode
  /** Concurrent workflow tasks. Default {@link workflowSlots}. */
  readonly workflowSlots?: number
  /** Default null: nothing is traced. */
  readonly tracing?: WorkerTracing | null
  /** Default null: the worker is not versioned, and takes the tasks of all workflows. */
  readonly deployment?: Deployment | null
}

/** A worker for all workflows and activities. Call `run()`; `shutdown()` lets it finish its tasks. */
export const createLifecycleWorker = async ({
  connection,
  namespace,
  activities,
  tracing = null,
  deployment = null,
  ...options
}: LifecycleWorkerOptions) =>
  Worker.create({
    connection,
    namespace,
    taskQueue: options.taskQueue ?? taskQueue,
    activities,
    ...(options.workflows ?? (await workflowCode(tracing))),
    ...(deployment && versioningOf(deployment)),
    // About 1 MB each. A workflow is idle most of the time, and a cache miss costs one replay of a short history.
    maxCachedWorkflows: 1_000,
    // The delay of a workflow whose worker was killed: its next task first goes to that worker's sticky queue.
    stickyQueueScheduleToStartTimeout: '2 seconds',
    shutdownGraceTime: '8 seconds',
    tuner: {
      workflowTaskSlotSupplier: { type: 'fixed-size', numSlots: options.workflowSlots ?? workflowSlots },
      activityTaskSlotSupplier: { type: 'fixed-size', numSlots: 100 },
      localActivityTaskSlotSupplier: { type: 'fixed-size', numSlots: 50 },
      nexusTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
    },
  })

/** What the SDK warns of with a worker that is meant to run activities alone: run-endpoint-worker.ts. */
const activitiesAlone = 'No workflows registered'

/**
 * Routes the logs of Temporal's SDK to ours. Once per process, before the first connection.
 * @param metricsPort the local port of the SDK's metrics; null: it has none.
 */
export function installTemporalRuntime(log: Logger, metricsPort: number | null = null): void {
  // Its `info` logs every start and stop, which helps with debugging only.
  const level = log.isLevelEnabled('info') && !log.isLevelEnabled('debug') ? 'warn' : log.level
  const child = log.child({ part: 'temporal' }, { level })
  const write =
    (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, meta: object = {}): void => {
      if (!message.startsWith(activitiesAlone)) child[level](meta, message)
    }
  Runtime.install({
    logger: {
      log: (level, message, meta) => write(level.toLowerCase() as 'info')(message, meta),
      trace: write('trace'),
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    },
    telemetryOptions: {
      logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } },
      ...(metricsPort !== null && {
        metrics: {
          prometheus: {
            bindAddress: `127.0.0.1:${metricsPort}`,
            countersTotalSuffix: true,
            unitSuffix: true,
            useSecondsForDurations: true,
          },
        },
      }),
    },
    // The main process handles signals: it stops the API, then the worker, then embedded servers.
    shutdownSignals: [],
  })
}
