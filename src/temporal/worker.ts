import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  bundleWorkflowCode,
  type NativeConnection,
  Runtime,
  type SlotSupplier,
  Worker,
  type WorkerOptions,
  type WorkflowSlotInfo,
} from '@temporalio/worker'
import type { Logger } from 'pino'
import type { WorkerActivities } from '../activities/worker-activities.ts'
import type { WorkerTracing } from '../telemetry/tracing.ts'
import { type Deployment, versioningOf } from './deployment.ts'
import { WorkflowSlots } from './workflow-slots.ts'

export const taskQueue = 'email-lifecycle'

export interface LifecycleWorkerOptions {
  readonly connection: NativeConnection
  readonly namespace: string
  readonly activities: WorkerActivities
  /** Default {@link taskQueue}. */
  readonly taskQueue?: string
  /** The workflows' code, where it is kept between workers. Default: what {@link workflowCode} finds. */
  readonly workflows?: WorkflowCode
  /** Of its workflow tasks. Default {@link WorkflowSlots}. */
  readonly workflowSlots?: SlotSupplier<WorkflowSlotInfo>
  /** Null, the default: nothing is traced. */
  readonly tracing?: WorkerTracing | null
  /** Null, the default: the worker takes whatever comes, whichever build others are. */
  readonly deployment?: Deployment | null
}

/** A worker for email lives; `run()` it, and `shutdown()` lets it finish what it holds. */
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
    // About 1 MB each, and a life is idle nearly all of its time: a miss costs one replay of a short history.
    maxCachedWorkflows: 1_000,
    // What a killed worker costs each of its workflows, since their next task first goes to its private queue.
    stickyQueueScheduleToStartTimeout: '2 seconds',
    shutdownGraceTime: '8 seconds',
    tuner: {
      workflowTaskSlotSupplier: options.workflowSlots ?? new WorkflowSlots(),
      activityTaskSlotSupplier: { type: 'fixed-size', numSlots: 100 },
      localActivityTaskSlotSupplier: { type: 'fixed-size', numSlots: 50 },
      nexusTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
    },
  })

type WorkflowCode = Pick<
  WorkerOptions,
  'workflowBundle' | 'workflowsPath' | 'bundlerOptions' | 'interceptors' | 'sinks'
>

/** The workflows' code for one worker after the other: sources are bundled for the first of them only. */
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
  // What is bundled holds its workflow interceptors.
  return { workflowBundle, ...(tracing && { interceptors: tracing.interceptors, sinks: tracing.sinks }) }
}

/** The bundle made ahead by `npm run build`, where there is one; in development the sources are bundled at start. */
export function workflowCode(tracing: WorkerTracing | null = null): WorkflowCode {
  const bundle = tracing ? '../traced-workflow-bundle.js' : '../workflow-bundle.js'
  const codePath = fileURLToPath(new URL(bundle, import.meta.url))
  const isBuilt = existsSync(codePath)
  return {
    ...(isBuilt ? { workflowBundle: { codePath } } : { workflowsPath, bundlerOptions }),
    ...(tracing && {
      // What is bundled already holds its workflow interceptors.
      interceptors: { ...tracing.interceptors, ...(!isBuilt && { workflowModules: tracing.workflowModules }) },
      sinks: tracing.sinks,
    }),
  }
}

const workflowsPath = fileURLToPath(new URL('../workflows/index.ts', import.meta.url))

/**
 * By default each life evaluates all modules anew. Ours keep nothing at their top that changes, so a worker evaluates them
 * once, freezes them, and all its lives share them: a quarter less memory for each.
 */
const bundlerOptions = { preloadModules: [workflowsPath] }

/**
 * Sends what Temporal's SDK has to say through our log. Once per process, before the first connection.
 * @param metricsPort where the SDK offers its own figures, on this machine alone; null: it counts nothing.
 */
export function installTemporalRuntime(log: Logger, metricsPort: number | null = null): void {
  // Its `info` is about every start and stop: of use to those who look for a fault.
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
    // Signals are main's to handle: it stops the API first, then the worker, then what is embedded.
    shutdownSignals: [],
  })
}
