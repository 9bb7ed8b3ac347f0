import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from '@temporalio/worker'
import type { Logger } from 'pino'
import type { WorkerActivities } from '../activities/worker-activities.ts'
import { connectWorker, type TemporalTarget } from './connection.ts'
import { type Deployment, readRouting, routingMessage } from './deployment.ts'
import { createGracefulShutdown, type GracefulShutdown } from './graceful-shutdown.ts'
import { runPeriodically } from './periodic-task.ts'
import { ensureSchedules, type ScheduledJob } from './schedules.ts'
import { createLifecycleWorker } from './worker.ts'
import type { WorkerTracing } from './worker-tracing.ts'

export interface RunWorkerOptions {
  readonly target: TemporalTarget
  readonly activities: WorkerActivities
  readonly scheduledJobs: readonly ScheduledJob[]
  readonly log: Logger
  readonly tracing: WorkerTracing | null
  /** Null: the worker is not versioned. */
  readonly deployment: Deployment | null
}

export interface ManagedWorker {
  /** Resolves when a worker polls for the first time. */
  readonly whenRunning: Promise<void>
  /** Whether a worker polls now. False while Temporal is unavailable at the start, between two workers, and during the stop. */
  isRunning(): boolean
  /** Lets the worker finish its tasks, and starts no other. */
  stop(): Promise<void>
}

/**
 * The grace time of activities (8 seconds, worker.ts) and a little more. A limit, since without Temporal a task is never completed and the
 * stop never ends. The SDK's `shutdownForceTime` does not help: busy workflow threads then throw, and the process crashes while it stops.
 */
export const workerStopsWithinMs = 10_000

/**
 * Runs a worker until it is stopped. Waits until Temporal is reachable. If Temporal becomes unavailable later, the worker itself
 * retries its polls, with pauses of up to ten seconds. A worker that ends with an error is replaced.
 */
export function runWorker(options: RunWorkerOptions): ManagedWorker {
  const { target, log, tracing } = options
  const stopping = new AbortController()
  let current: { worker: Worker; shutdown: GracefulShutdown } | null = null
  let started: () => void = () => {}
  const whenRunning = new Promise<void>((resolve) => {
    started = resolve
  })

  const runOnce = async (): Promise<void> => {
    const connection = await connectWorker(target)
    try {
      const shutdown = createGracefulShutdown(options.activities)
      const worker = await createLifecycleWorker({
        connection,
        namespace: target.namespace,
        activities: shutdown.activities,
        tracing,
        deployment: options.deployment,
      })
      const running = worker.run()
      current = { worker, shutdown }
      // The connection can only be closed once the worker has run and ended, so a stopped one runs too.
      if (stopping.signal.aborted) worker.shutdown()
      started()
      await running
    } finally {
      current = null
      await connection.close()
    }
  }

  const isRunning = () => current?.worker.getState() === 'RUNNING'
  const [ended, maintenance] = [repeat(runOnce, stopping.signal, log), maintain(options)]
  return {
    whenRunning,
    isRunning,
    async stop() {
      stopping.abort()
      if (isRunning()) await current?.shutdown.shutDown(() => isRunning() && current?.worker.shutdown())
      await Promise.all([ended, maintenance.close()])
    },
  }
}

/** Runs one worker after another until `signal` is aborted, with a pause after a failure. */
export async function repeat(runOnce: () => Promise<void>, signal: AbortSignal, log: Logger): Promise<void> {
  while (!signal.aborted) {
    try {
      await runOnce()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      log.warn({ reason }, 'worker failed, starting another')
      await sleep(1_000, undefined, { signal }).catch(() => {})
    }
  }
}

/** Periodic tasks beside the worker: it restores schedules if Temporal loses its data, and logs whether its build runs workflows. */
function maintain({ target, scheduledJobs, deployment, log }: RunWorkerOptions): { close(): Promise<unknown> } {
  const schedules = runPeriodically(target, { name: 'schedules', everyMs: 600_000, log }, (client) =>
    ensureSchedules(client, scheduledJobs),
  )
  let logged: string | null = null
  const routing =
    deployment &&
    runPeriodically(target, { name: 'builds', everyMs: 5_000, log }, async (client) => {
      const [level, message] = routingMessage(deployment, await readRouting(client, deployment.name))
      if (message !== logged) log[level](message)
      logged = message
    })
  return { close: () => Promise.all([schedules.close(), routing?.close()]) }
}
