import { heartbeat } from '@temporalio/activity'
import { judgeChangedEngagements } from '../analytics/judge-engagements.ts'
import { noteDirtyHours, pruneChanges, rollUpHours } from '../db/analytics-rollups.ts'
import type { Database } from '../db/database.ts'
import { onDatabase } from './database-failure.ts'
import type { RecurringActivities } from './recurring-activities.ts'

type RollUpActivities = Pick<RecurringActivities, 'rollUpAnalytics'>

/** So many hours are counted in one transaction: half a day of a sender of a million a day is about a second's work. */
const hoursAtOnce = 12

/** For how long a stream that was left can be resumed. */
const keepChangesMs = 3_600_000

export const createRollUpActivities = ({ db }: { readonly db: Database }): RollUpActivities => ({
  rollUpAnalytics: () =>
    onDatabase('RollUpRejected', async () => {
      // Before the hours are noted: what it finds changes emails, and so the hours that they belong to.
      await judgeChangedEngagements(db, heartbeat)
      const ended = await noteDirtyHours(db)
      let hours = 0
      for (let counted = hoursAtOnce; counted === hoursAtOnce; hours += counted) {
        counted = await rollUpHours(db, ended, hoursAtOnce)
        heartbeat()
      }
      await pruneChanges(db, keepChangesMs)
      return { hours }
    }),
})
