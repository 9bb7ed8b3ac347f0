import { activityInfo, heartbeat } from '@temporalio/activity'
import type { Database } from '../db/database.ts'
import { deleteOldDmarcReports } from '../db/dmarc-reports.ts'
import {
  deleteOldDeliveries,
  type EraseByAge,
  eraseOldEmailAddresses,
  eraseOldEventAddresses,
  eraseOldPayloads,
} from '../db/retention.ts'
import { keyFingerprints } from '../db/sendings.ts'
import { onDatabase } from './database-failure.ts'
import type { Retention } from './dependencies.ts'
import type { ScheduledActivities } from './scheduled-activities.ts'

interface RetentionDependencies {
  readonly db: Database
  readonly retention: Retention
}

type RetentionActivities = Pick<ScheduledActivities, 'eraseByAge'>

/** Small, so that each statement holds its locks for milliseconds only. */
const batchSize = 500

/** A call erases at most so many batches of each kind; the next call continues. */
const maxBatches = 200

export const createRetentionActivities = ({ db, retention }: RetentionDependencies): RetentionActivities => ({
  async eraseByAge() {
    const { payloadsAfterMs, addressesAfterMs } = retention
    const now = activityInfo().scheduledTimestampMs
    const erase = (statement: EraseByAge, afterMs: number) => inBatches(db, statement, now - afterMs)
    // One after the other, to leave the database to more urgent work.
    const payloads = await erase(eraseOldPayloads, payloadsAfterMs)
    const events = await erase(eraseOldEventAddresses, addressesAfterMs)
    const emails = await erase(eraseOldEmailAddresses, addressesAfterMs)
    await inBatches(db, (on, _, batch) => keyFingerprints(on, batch), now)
    await deleteDeliveries(db, retention.keptForMs, now)
    if (retention.keptForMs !== null) await inBatches(db, deleteReports, now - retention.keptForMs)
    const limit = batchSize * maxBatches
    return { payloads, events, emails, hasMore: [payloads, events, emails].some((count) => count >= limit) }
  },
})

/** What is over is of use to a person who asks what was sent, and for a replay. */
const deliveriesKeptForMs = 30 * 86_400_000

/** None longer than the event that it is about. */
async function deleteDeliveries(db: Database, eventsKeptForMs: number | null, now: number): Promise<void> {
  const before = now - Math.min(deliveriesKeptForMs, eventsKeptForMs ?? deliveriesKeptForMs)
  const pendingBefore = eventsKeptForMs === null ? null : now - eventsKeptForMs
  await inBatches(db, (on, _, batch) => deleteOldDeliveries(on, { before, pendingBefore }, batch), now)
}

/** Few at once: each may have thousands of records. */
const deleteReports: EraseByAge = (db, before) => deleteOldDmarcReports(db, before, batchSize / 20)

async function inBatches(db: Database, erase: EraseByAge, before: number): Promise<number> {
  let total = 0
  for (let batch = 0; batch < maxBatches; batch++) {
    const erased = await onDatabase('RetentionRejected', () => erase(db, before, batchSize))
    total += erased
    heartbeat()
    if (erased === 0) break
  }
  return total
}
