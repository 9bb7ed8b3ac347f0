import { proxyActivities } from '@temporalio/workflow'
import type { OverdueInput, RecurringActivities } from '../activities/recurring-activities.ts'

/** Some hundred emails at a time; one that hangs shows by its missing heartbeat, and the next run goes on. */
const { wakeOverdueLives: wake } = proxyActivities<Pick<RecurringActivities, 'wakeOverdueLives'>>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
})

/** A run ends after so many rounds, so that its history stays short; the schedule starts the next one. */
const maxRounds = 100

/**
 * Finds lives that Temporal has lost, with their timers, and starts them again from what is stored: a silent email is
 * escalated although Temporal's data is gone. Runs by a schedule; see `recurringWork`.
 * @returns how many lives were started.
 */
export async function wakeOverdueLives(input: OverdueInput): Promise<{ woken: number }> {
  let woken = 0
  for (let round = 0; round < maxRounds; round++) {
    const found = await wake(input)
    woken += found.woken
    if (!found.hasMore) break
  }
  return { woken }
}
