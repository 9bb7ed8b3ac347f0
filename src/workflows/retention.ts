import { proxyActivities } from '@temporalio/workflow'
import type { RecurringActivities, RetentionInput } from '../activities/recurring-activities.ts'

/** Many small batches; one that hangs shows by its missing heartbeat, and the next attempt goes on where it stopped. */
const { eraseByAge: erase } = proxyActivities<Pick<RecurringActivities, 'eraseByAge'>>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
})

/** A run ends after so many rounds, so that its history stays short; the schedule starts the next one. */
const maxRounds = 20

/**
 * Erases payloads, and later addresses and subjects, that are older than they are to be kept. Runs by a schedule; see
 * `recurringWork`.
 * @returns how many rows of each kind were erased.
 */
export async function eraseByAge(input: RetentionInput): Promise<{ payloads: number; events: number; emails: number }> {
  const total = { payloads: 0, events: 0, emails: 0 }
  for (let round = 0; round < maxRounds; round++) {
    const { payloads, events, emails, hasMore } = await erase(input)
    total.payloads += payloads
    total.events += events
    total.emails += emails
    if (!hasMore) break
  }
  return total
}
