import { activityInfo, heartbeat, log } from '@temporalio/activity'
import type { Database } from '../db/database.ts'
import {
  countPendingBefore,
  createEventMonths,
  deleteDroppedIdentities,
  dropDetachedMonths,
  dropEventMonth,
  readEventMonths,
} from '../db/event-months.ts'
import { onDatabase } from './database-failure.ts'
import type { Retention } from './dependencies.ts'
import type { ScheduledActivities } from './scheduled-activities.ts'

/** Small, so that each statement holds its locks for milliseconds only. */
const batchSize = 5_000

export const createEventMonthActivities = ({
  db,
  retention,
}: {
  readonly db: Database
  readonly retention: Pick<Retention, 'keptForMs'>
}): Pick<ScheduledActivities, 'keepEventMonths'> => ({
  keepEventMonths: () =>
    onDatabase('EventMonthsRejected', async () => {
      const { keptForMs } = retention
      const made = await createEventMonths(db)
      const dropped = keptForMs === null ? [] : await dropMonths(db, activityInfo().scheduledTimestampMs - keptForMs)
      return { made, dropped, forgotten: await forgetIdentities(db) }
    }),
})

/** Oldest first, up to the first month that must stay. A pending event is never dropped. */
async function dropMonths(db: Database, before: number): Promise<string[]> {
  const dropped: string[] = []
  await dropDetachedMonths(db)
  for (const month of await readEventMonths(db)) {
    if (month.until.getTime() > before) break
    const waiting = await countPendingBefore(db, month.until)
    if (waiting > 0) {
      log.warn('a month of events is not dropped: some are pending', { month: month.name, waiting })
      break
    }
    await dropEventMonth(db, month)
    dropped.push(month.name)
    heartbeat()
  }
  return dropped
}

async function forgetIdentities(db: Database): Promise<number> {
  let total = 0
  for (;;) {
    const forgotten = await deleteDroppedIdentities(db, batchSize)
    total += forgotten
    heartbeat()
    if (forgotten < batchSize) return total
  }
}
