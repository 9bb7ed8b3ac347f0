import { ApplicationFailure, heartbeat } from '@temporalio/activity'
import type { Database } from '../db/database.ts'
import {
  beginExport,
  nextEmailsToExport,
  nextEventsToExport,
  readEndedHours,
  recordEmailsOf,
  recordEventsThrough,
  whenWritersEnded,
} from '../db/exports.ts'
import type { DatasetName } from '../exports/datasets.ts'
import { DestinationRefusedError, DestinationUnreachableError } from '../exports/errors.ts'
import { exportHour } from '../exports/export-hour.ts'
import type { ScheduledExport } from '../exports/scheduled-export.ts'
import { onDatabase } from './database-failure.ts'
import type { ExportActivities } from './scheduled-activities.ts'

export interface ExportDependencies {
  readonly db: Database
  /** Null: nothing is exported by itself. */
  readonly scheduledExport: ScheduledExport | null
}

/** One activity exports hours for so long; its successor goes on. */
const activityMs = 5 * 60_000

/** Longer than nearly all transactions. The next run waits for what is left. */
const writersDeadlineMs = 30_000

/** From a timer, since a slow store may take minutes for one file. */
const heartbeatEveryMs = 10_000

const hourMs = 3_600_000

export const createExportActivities = ({ db, scheduledExport }: ExportDependencies): ExportActivities => ({
  async exportNext() {
    if (scheduledExport === null) return { events: 0, emails: 0, hasMore: false }
    const timer = setInterval(heartbeat, heartbeatEveryMs)
    try {
      return await onDatabase('ExportRejected', () => exportHours(db, scheduledExport).catch(rethrow))
    } finally {
      clearInterval(timer)
    }
  },
})

/** Hours of events and of emails by turns, so that neither waits for a year of the other. */
async function exportHours(db: Database, scheduledExport: ScheduledExport) {
  const { target } = scheduledExport
  const endsAt = performance.now() + activityMs
  await beginExport(db, target)
  const ended = await readEndedHours(db)
  const areEventsComplete = await whenWritersEnded(db, { deadlineMs: writersDeadlineMs, onWait: heartbeat })
  const done = { events: 0, emails: 0 }
  for (let hasMore = true; hasMore; ) {
    if (performance.now() >= endsAt) return { ...done, hasMore: true }
    hasMore = false
    const events = areEventsComplete ? await nextEventsToExport(db, ended) : null
    if (events) {
      await write(scheduledExport, 'events', events)
      await recordEventsThrough(db, target, new Date(Number(events) + hourMs))
      done.events += 1
      hasMore = true
    }
    const emails = await nextEmailsToExport(db, ended)
    if (emails) {
      await write(scheduledExport, 'emails', emails.hour)
      await recordEmailsOf(db, emails)
      done.emails += 1
      hasMore = true
    }
  }
  return { ...done, hasMore: false }
}

const write = ({ datasets, ...options }: ScheduledExport, name: DatasetName, hour: Date): Promise<number> =>
  exportHour(datasets[name], hour, { ...options, onProgress: heartbeat })

/** Temporal tries again until an operator has corrected the cause; the Web UI shows it meanwhile. */
function rethrow(error: unknown): never {
  if (error instanceof DestinationUnreachableError || error instanceof DestinationRefusedError) {
    throw ApplicationFailure.retryable(error.message, error.name)
  }
  throw error
}
