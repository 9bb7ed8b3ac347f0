import { proxyActivities } from '@temporalio/workflow'
import type { RecurringActivities } from '../activities/recurring-activities.ts'

const { watchForIncidents: watch } = proxyActivities<Pick<RecurringActivities, 'watchForIncidents'>>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '5 seconds', maximumInterval: '30 seconds' },
})

/**
 * Looks at the rates of the last 24 hours, at the backlog and at the webhooks, and opens or ends incidents. Runs by a
 * schedule; see `recurringWork`.
 * @returns which incidents it called support for, and which are over.
 */
export const watchForIncidents = (): Promise<{ raised: string[]; cleared: string[] }> => watch()
