import { setTimeout as sleep } from 'node:timers/promises'
import { activityInfo } from '@temporalio/activity'
import type { WorkerActivities } from '../activities/worker-activities.ts'

/** A worker that is busy saves within this; one that is not has hardly a task to lose. */
const nextSaveWithinMs = 250

/** For the server to end the worker's polls, which it does as soon as it is told that the worker stops. */
const pollsEndWithinMs = 250

export interface Parting {
  readonly activities: WorkerActivities
  /** Calls `shutdown`, and resolves when the worker may end. */
  leave(shutdown: () => void): Promise<void>
}

/**
 * Keeps a worker that is told to stop from dropping the workflow tasks that are on their way to it, which would wait for their
 * timeout. Temporal's SDK (Core, `shutdown_done` in workflow_stream.rs of TypeScript 1.24) takes a worker for done as soon as no
 * task is at work, although polls are out that may bring some, and what they bring is lost. So one task is kept at work, by
 * holding back the end of its save, until the server has ended the polls. It does with
 * `frontend.enableCancelWorkerPollsOnShutdown`; without, the SDK cuts them off, and a task may be lost as before.
 * @param isInTask whether the activity that runs is part of a workflow task. Default: what Temporal says.
 */
export function createParting(activities: WorkerActivities, isInTask = () => activityInfo().isLocal): Parting {
  let isLeaving = false
  let held: () => void = () => {}
  let release: () => void = () => {}
  const whenHeld = new Promise<void>((resolve) => {
    held = resolve
  })
  const whenReleased = new Promise<void>((resolve) => {
    release = resolve
  })
  return {
    activities: {
      ...activities,
      async saveSnapshot(save) {
        const saved = await activities.saveSnapshot(save)
        if (isLeaving && isInTask()) {
          held()
          await whenReleased
        }
        return saved
      },
    },
    async leave(shutdown) {
      isLeaving = true
      await Promise.race([whenHeld, sleep(nextSaveWithinMs)])
      shutdown()
      await sleep(pollsEndWithinMs)
      release()
    },
  }
}
