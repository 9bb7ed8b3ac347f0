import { proxyActivities } from '@temporalio/workflow'
import type { EventMonthsInput, RecurringActivities } from '../activities/recurring-activities.ts'

/** To drop a month waits for whoever reads it; one that hangs shows by its missing heartbeat and is finished by the next attempt. */
const { keepEventMonths: keep } = proxyActivities<Pick<RecurringActivities, 'keepEventMonths'>>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
})

/**
 * Makes the months ahead by which events are stored, and drops those that are older than they are to be kept. Runs by a
 * schedule; see `recurringWork`.
 * @returns what it made, dropped and forgot.
 */
export async function keepEventMonths(
  input: EventMonthsInput,
): Promise<{ made: number; dropped: string[]; forgotten: number }> {
  return keep(input)
}
