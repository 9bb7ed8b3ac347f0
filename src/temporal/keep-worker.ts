import { setTimeout as sleep } from 'node:timers/promises'
import { isGrpcServiceError } from '@temporalio/client'
import type { Worker } from '@temporalio/worker'
import type { Logger } from 'pino'
import type { WorkerActivities } from '../activities/worker-activities.ts'
import type { WorkerTracing } from '../telemetry/tracing.ts'
import { connectWorker, createTemporalClient, type TemporalTarget } from './connection.ts'
import { BuildUnknownError, type Deployment, takeOver } from './deployment.ts'
import { whenBackFromOutage } from './outage.ts'
import { createParting, type Parting } from './parting.ts'
import { ensureSchedules, type RecurringWork } from './schedules.ts'
import { bundledOnce, createLifecycleWorker } from './worker.ts'

export interface KeepWorkerOptions {
  readonly target: TemporalTarget
  readonly activities: WorkerActivities
  /** Scheduled anew whenever a worker starts, since a Temporal that lost its data has lost these too. */
  readonly recurringWork: readonly RecurringWork[]
  readonly log: Logger
  readonly tracing: WorkerTracing | null
  /** Null: builds are not told apart. */
  readonly deployment: Deployment | null
}

export interface KeptWorker {
  /** Resolves when the worker polls for the first time. */
  readonly whenRunning: Promise<void>
  /** Whether one polls now: not before Temporal is there, nor while one that ended starts anew, nor when it stops. */
  isRunning(): boolean
  /** Lets the worker finish what it holds, and starts no other. */
  stop(): Promise<void>
}

/**
 * Runs a worker until it is stopped: waits for a Temporal that is not there yet, and starts anew should polling end.
 * What a worker held when it ended is done again by the next one.
 *
 * A worker that finds Temporal away polls again with a pause that grows to ten seconds and has no setting. So when Temporal
 * is back from an outage, a new worker takes the old one's place, which finishes what it holds.
 */
export function keepWorker({
  target,
  activities,
  recurringWork,
  log,
  tracing,
  deployment,
}: KeepWorkerOptions): KeptWorker {
  const stopping = new AbortController()
  const leaving = new Set<Promise<void>>()
  const workflows = bundledOnce(tracing)
  let current: RunningWorker | null = null
  /** The one whose place the next is to take: until that polls, its own polls may find Temporal again. */
  let former: RunningWorker | null = null
  let started: () => void = () => {}
  const whenRunning = new Promise<void>((resolve) => {
    started = resolve
  })

  const runOnce = async (): Promise<void> => {
    const connection = await connectWorker(target)
    const over = new AbortController()
    const arrange = async () => {
      const signal = AbortSignal.any([stopping.signal, over.signal])
      if (deployment) await takeOverInTime(target, deployment, log, signal)
      await schedule(target, recurringWork, log)
    }
    const replaced = new AbortController()
    const live = async () => {
      try {
        const { namespace } = target
        const parting = createParting(activities)
        const worker = await createLifecycleWorker({
          connection,
          namespace,
          activities: parting.activities,
          tracing,
          deployment,
          workflows: await workflows(),
        })
        const running = worker.run()
        // A connection can be closed only when every worker on it has run and ended.
        if (stopping.signal.aborted || replaced.signal.aborted) worker.shutdown()
        else {
          current = { worker, parting }
          void leave(former)
          former = null
        }
        started()
        await Promise.all([running, arrange()])
      } finally {
        over.abort()
        await connection.close()
      }
    }
    await untilReplaced(live(), over.signal, replaced)
  }

  /** Waits for the end of a worker's life, but not once it is to be replaced: it may not even have begun to poll by then. */
  const untilReplaced = async (life: Promise<void>, over: AbortSignal, replaced: AbortController): Promise<void> => {
    const signal = AbortSignal.any([stopping.signal, over])
    const isBack = whenBackFromOutage(target, signal, () => log.warn('Temporal is away'))
    const isToBeReplaced = await Promise.race([life.then(() => false), isBack])
    if (!isToBeReplaced) return life
    log.info('Temporal is back: a new worker takes over')
    replaced.abort()
    former = current
    const left: Promise<void> = life.catch(() => {}).finally(() => leaving.delete(left))
    leaving.add(left)
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
    isRunning: () => isPolling(current),
    async stop() {
      stopping.abort()
      await Promise.all([leave(former), leave(current)])
      await ended
      await Promise.all(leaving)
    },
  }
}

interface RunningWorker {
  readonly worker: Worker
  readonly parting: Parting
}

const isPolling = (one: RunningWorker | null): one is RunningWorker => one?.worker.getState() === 'RUNNING'

/** Tells a worker to stop, where there is one that polls. */
async function leave(one: RunningWorker | null): Promise<void> {
  if (!isPolling(one)) return
  await one.parting.leave(() => {
    if (isPolling(one)) one.worker.shutdown()
  })
}

/** While no build is current, no life goes on: so it is tried until it works. */
async function takeOverInTime(target: TemporalTarget, deployment: Deployment, log: Logger, signal: AbortSignal) {
  const client = createTemporalClient(target)
  const { buildId } = deployment
  try {
    while (!signal.aborted) {
      try {
        const outcome = await client.withDeadline(Date.now() + takeOverDeadlineMs, () => takeOver(client, deployment))
        log.info(
          { buildId },
          outcome === 'current' ? 'lives run on this build' : 'lives run on a newer build than this',
        )
        return
      } catch (error) {
        const isExpected =
          error instanceof BuildUnknownError || (isGrpcServiceError(error) && error.code === notFoundCode)
        if (!isExpected)
          log.warn({ buildId, reason: String(error) }, 'this build could not take over; it is tried again')
        await sleep(500, undefined, { signal }).catch(() => {})
      }
    }
  } finally {
    await client.connection.close()
  }
}

const takeOverDeadlineMs = 5_000

/** gRPC's number for what is not there: google.golang.org/grpc/codes. */
const notFoundCode = 5

/** Lives go on without it, so a failure does not end the worker; the next worker that starts tries again. */
async function schedule(target: TemporalTarget, works: readonly RecurringWork[], log: Logger): Promise<void> {
  const client = createTemporalClient(target)
  try {
    await client.withDeadline(Date.now() + scheduleDeadlineMs, () => ensureSchedules(client, works))
  } catch (error) {
    log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'recurring work was not scheduled')
  } finally {
    await client.connection.close()
  }
}

const scheduleDeadlineMs = 10_000
