import { heartbeat } from '@temporalio/activity'
import { markDirtyHours, rollUpDay, rollUpHour } from '../db/analytics-rollups.ts'
import { markPrunable, pruneChanges } from '../db/changes.ts'
import type { Database } from '../db/database.ts'
import { onDatabase } from './database-failure.ts'
import { judgeChangedEngagements } from './judge-engagements.ts'
import type { ScheduledActivities } from './scheduled-activities.ts'

type RollUpActivities = Pick<ScheduledActivities, 'rollUpAnalytics'>

/** How long a disconnected stream can be resumed. */
const changesRetentionMs = 3_600_000

/** Changes that one statement deletes, in about a second. */
const pruneBatchSize = 50_000

/** Rolling up an hour of a large mailing may take minutes without progress to report, so heartbeats come from a timer. */
const heartbeatEveryMs = 10_000

/** Each step stops after this, so that changes are pruned in every run. The next run continues. */
const stepMs = 12 * 60_000

export const createRollUpActivities = ({ db }: { readonly db: Database }): RollUpActivities => ({
  async rollUpAnalytics() {
    const timer = setInterval(heartbeat, heartbeatEveryMs)
    try {
      return await onDatabase('RollUpRejected', () => rollUp(db))
    } finally {
      clearInterval(timer)
    }
  },
})

/** If one step fails, the others run all the same: every save adds changes, which would fill the disk unless they are pruned. */
async function rollUp(db: Database): Promise<{ hours: number }> {
  // First, since its verdicts change emails, and thereby the hours to roll up.
  const [judged, counted] = [
    await settled(judgeChangedEngagements(db, within(stepMs))),
    await settled(countDueHours(db, within(stepMs))),
  ]
  await markPrunable(db, changesRetentionMs)
  while ((await pruneChanges(db, pruneBatchSize)) === pruneBatchSize);
  if (judged.status === 'rejected') throw judged.reason
  if (counted.status === 'rejected') throw counted.reason
  return { hours: counted.value }
}

const settled = async <T>(step: Promise<T>): Promise<PromiseSettledResult<T>> => {
  const [result] = await Promise.allSettled([step])
  return result
}

function within(ms: number): () => boolean {
  const endsAt = performance.now() + ms
  return () => performance.now() < endsAt
}

async function countDueHours(db: Database, shouldContinue: () => boolean): Promise<number> {
  const ended = await markDirtyHours(db)
  let hours = 0
  while (shouldContinue() && (await rollUpHour(db, ended))) hours += 1
  while (shouldContinue() && (await rollUpDay(db)));
  return hours
}
