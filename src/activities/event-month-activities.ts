import { activityInfo, heartbeat, log } from '@temporalio/activity'
import type { Database } from '../db/database.ts'
import {
  countWaitingBefore,
  dropDetachedMonths,
  dropEventMonth,
  forgetDroppedIdentities,
  makeEventMonths,
  readEventMonths,
} from '../db/event-months.ts'
import { onDatabase } from './database-failure.ts'
import type { RecurringActivities } from './recurring-activities.ts'

/** Locked for some milliseconds: webhooks pass in between. */
const batchSize = 5_000

export const createEventMonthActivities = ({
  db,
}: {
  readonly db: Database
}): Pick<RecurringActivities, 'keepEventMonths'> => ({
  keepEventMonths: ({ keptForMs }) =>
    onDatabase('EventMonthsRejected', async () => {
      const made = await makeEventMonths(db)
      const dropped = keptForMs === null ? [] : await dropMonths(db, activityInfo().scheduledTimestampMs - keptForMs)
      return { made, dropped, forgotten: await forgetIdentities(db) }
    }),
})

/** The oldest first, and none after one that must stay: an event that waits is never dropped. */
async function dropMonths(db: Database, before: number): Promise<string[]> {
  const dropped: string[] = []
  await dropDetachedMonths(db)
  for (const month of await readEventMonths(db)) {
    if (month.until.getTime() > before) break
    const waiting = await countWaitingBefore(db, month.until)
    if (waiting > 0) {
      log.warn('a month of events is kept, since some of them still wait', { month: month.name, waiting })
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
    const forgotten = await forgetDroppedIdentities(db, batchSize)
    total += forgotten
    heartbeat()
    if (forgotten < batchSize) return total
  }
}
