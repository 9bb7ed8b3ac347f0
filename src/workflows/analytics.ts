import { proxyActivities } from '@temporalio/workflow'
import type { RecurringActivities } from '../activities/recurring-activities.ts'

/** The first run counts all that there is; what a run leaves undone is noted in the database, and the next one does it. */
const { rollUpAnalytics: rollUp } = proxyActivities<Pick<RecurringActivities, 'rollUpAnalytics'>>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
})

/**
 * Counts the hours that have ended, and those of which an email has changed since. Runs by a schedule; see
 * `recurringWork`.
 * @returns how many hours were counted.
 */
export const rollUpAnalytics = (): Promise<{ hours: number }> => rollUp()
