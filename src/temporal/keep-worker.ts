import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from '@temporalio/worker'
import type { Logger } from 'pino'
import type { LifecycleActivities } from '../activities/lifecycle-activities.ts'
import { connectWorker, type TemporalTarget } from './connection.ts'
import { createLifecycleWorker } from './worker.ts'

export interface KeptWorker {
  /** Resolves when the worker polls for the first time. */
  readonly whenRunning: Promise<void>
  /** Lets the worker finish what it holds, and starts no other. */
  stop(): Promise<void>
}

/**
 * Runs a worker until it is stopped: waits for a Temporal that is not there yet, and starts anew should polling end.
 * What a worker held when it ended is done again by the next one.
 */
export function keepWorker(target: TemporalTarget, activities: LifecycleActivities, log: Logger): KeptWorker {
  const stopping = new AbortController()
  let worker: Worker | null = null
  let started: () => void = () => {}
  const whenRunning = new Promise<void>((resolve) => {
    started = resolve
  })

  const runOnce = async (): Promise<void> => {
    const connection = await connectWorker(target)
    try {
      worker = await createLifecycleWorker({ connection, namespace: target.namespace, activities })
      const running = worker.run()
      started()
      // A connection can be closed only when every worker on it has run and ended.
      if (stopping.signal.aborted) worker.shutdown()
      await running
    } finally {
      worker = null
      await connection.close()
    }
  }

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await runOnce()
      } catch (error) {
        log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'the worker starts anew')
        await sleep(1_000, undefined, { signal: stopping.signal }).catch(() => {})
      }
    }
  }

  const ended = run()
  return {
    whenRunning,
    async stop() {
      stopping.abort()
      if (worker?.getState() === 'RUNNING') worker.shutdown()
      await ended
    },
  }
}
