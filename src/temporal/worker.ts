import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode, type NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker'
import type { Logger } from 'pino'
import type { WorkerActivities } from '../activities/worker-activities.ts'
import { type Deployment, versioningOf } from './deployment.ts'
import type { WorkerTracing } from './worker-tracing.ts'

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
  /** The workflows' code, to share it between workers. Default: {@link workflowCode}. */
  readonly workflows?: WorkflowCode
  /** Concurrent workflow tasks. Default {@link workflowSlots}. */
  readonly workflowSlots?: number
  /** Default null: nothing is traced. */
  readonly tracing?: WorkerTracing | null
  /** Default null: the worker is not versioned, and takes the tasks of all workflows. */
  readonly deployment?: Deployment | null
}

/** A worker for all workflows and activities. Call `run()`; `shutdown()` lets it finish its tasks. */
export const createLifecycleWorker = ({
  connection,
  namespace,
  activities,
  tracing = null,
  deployment = null,
  workflows = workflowCode(tracing),
  ...options
}: LifecycleWorkerOptions) =>
  Worker.create({
    connection,
    namespace,
    taskQueue: options.taskQueue ?? taskQueue,
    activities,
    ...workflows,
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

type WorkflowCode = Pick<
  WorkerOptions,
  'workflowBundle' | 'workflowsPath' | 'bundlerOptions' | 'interceptors' | 'sinks'
>

/** The workflows' code for a series of workers: sources are bundled once. */
export function bundledOnce(tracing: WorkerTracing | null): () => Promise<WorkflowCode> {
  let bundled: Promise<WorkflowCode> | null = null
  return () => {
    bundled ??= bundle(tracing)
    return bundled
  }
}

async function bundle(tracing: WorkerTracing | null): Promise<WorkflowCode> {
  const { workflowsPath, bundlerOptions, ...code } = workflowCode(tracing)
  if (workflowsPath === undefined) return code
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath,
    ...bundlerOptions,
    workflowInterceptorModules: tracing?.workflowModules ?? [],
    logger: Runtime.instance().logger,
  })
  // The bundle contains its workflow interceptors.
  return { workflowBundle, ...(tracing && { interceptors: tracing.interceptors, sinks: tracing.sinks }) }
}

/** The bundle that `npm run build` has built; in development the sources, which are bundled at start. */
export function workflowCode(tracing: WorkerTracing | null = null): WorkflowCode {
  const bundle = tracing ? '../traced-workflow-bundle.js' : '../workflow-bundle.js'
  const codePath = fileURLToPath(new URL(bundle, import.meta.url))
  const isBuilt = existsSync(codePath)
  return {
    ...(isBuilt ? { workflowBundle: { codePath } } : { workflowsPath, bundlerOptions }),
    ...(tracing && {
      // The bundle contains its workflow interceptors.
      interceptors: { ...tracing.interceptors, ...(!isBuilt && { workflowModules: tracing.workflowModules }) },
      sinks: tracing.sinks,
    }),
  }
}

const workflowsPath = fileURLToPath(new URL('../workflows/index.ts', import.meta.url))

/**
 * By default each run evaluates all modules. Ours have no mutable state at module level, so a worker evaluates them once, freezes
 * them and shares them between its runs: each takes a quarter less memory.
 */
const bundlerOptions = { preloadModules: [workflowsPath] }

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
    (message: string, meta: object = {}): void =>
      child[level](meta, message)
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
