/** The worker of the activities that send to endpoints: apart from the emails' worker, so that slow receivers take none of its slots. */
import { Worker } from '@temporalio/worker'
import type { Logger } from 'pino'
import type { EndpointActivities } from '../activities/endpoint-activities.ts'
import { endpointsTaskQueue } from '../workflows/endpoint-messages.ts'
import { connectWorker, type TemporalTarget } from './connection.ts'
import { type Deployment, versioningOf } from './deployment.ts'
import { repeat } from './run-worker.ts'

export interface EndpointWorkerOptions {
  readonly target: TemporalTarget
  readonly activities: EndpointActivities
  /** Null: the worker is not versioned. */
  readonly deployment: Deployment | null
  readonly log: Logger
  /** Called when the worker polls no more: its activities are to end, and Temporal gives them to another worker. */
  readonly onShutdown: () => void
}

/** An endpoint takes one as long as it is served. Most are idle. */
const activitySlots = 1_000

/** Runs a worker for activities alone until it is stopped. Waits until Temporal is reachable, and replaces a worker that fails. */
export function runEndpointWorker({ target, activities, deployment, log, onShutdown }: EndpointWorkerOptions): {
  stop(): Promise<void>
} {
  const stopping = new AbortController()
  let current: Worker | null = null

  const runOnce = async (): Promise<void> => {
    const connection = await connectWorker(target)
    try {
      const worker = await Worker.create({
        connection,
        namespace: target.namespace,
        taskQueue: endpointsTaskQueue,
        activities,
        ...(deployment && versioningOf(deployment)),
        shutdownGraceTime: '8 seconds',
        maxConcurrentActivityTaskExecutions: activitySlots,
      })
      const running = worker.run()
      current = worker
      // The connection can only be closed once the worker has run and ended, so a stopped one runs too.
      if (stopping.signal.aborted) worker.shutdown()
      await running
    } finally {
      current = null
      await connection.close()
    }
  }

  const ended = repeat(runOnce, stopping.signal, log)
  return {
    async stop() {
      stopping.abort()
      if (current?.getState() === 'RUNNING') current.shutdown()
      onShutdown()
      await ended
    },
  }
}
