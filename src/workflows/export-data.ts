/** The scheduled export of data. */
import { proxyActivities } from '@temporalio/workflow'
import type { ExportActivities } from '../activities/scheduled-activities.ts'

/** Minutes of hours per call. An attempt that hangs sends no heartbeat, and the next one goes on from the stored progress. */
const { exportNext } = proxyActivities<ExportActivities>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '5 seconds', maximumInterval: '5 minutes' },
})

/** A run ends after so many rounds, so that its history stays short; the schedule starts the next one. */
const maxRounds = 50

/**
 * Writes the files of the hours that are complete, and those of emails that have changed since.
 * @returns how many hours of each were written.
 */
export async function exportData(): Promise<{ events: number; emails: number }> {
  const sum = { events: 0, emails: 0 }
  for (let round = 0; round < maxRounds; round++) {
    const { events, emails, hasMore } = await exportNext()
    sum.events += events
    sum.emails += emails
    if (!hasMore) break
  }
  return sum
}
