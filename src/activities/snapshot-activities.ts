import { log } from '@temporalio/activity'
import type { Database } from '../db/database.ts'
import { readEscalations, readUndeliveredNotices } from '../db/escalations.ts'
import { quarantineEvents, readUnappliedIds } from '../db/events.ts'
import { snapshotOf } from '../db/snapshot-columns.ts'
import { type SnapshotSave, saveSnapshot } from '../db/snapshots.ts'
import type { EmailKey } from '../domain/events.ts'
import { emptySnapshot } from '../domain/lifecycle.ts'
import { countEvent } from '../metrics.ts'
import { onDatabase } from './database-failure.ts'
import type { ActivityDependencies } from './dependencies.ts'
import type { LifecycleActivities, LoadedEmailState } from './lifecycle-activities.ts'

type SnapshotActivities = Pick<LifecycleActivities, 'saveSnapshot' | 'loadLife' | 'quarantineEvents'>

export const createSnapshotActivities = ({
  db,
  metrics,
  channels,
  onChange,
}: ActivityDependencies): SnapshotActivities => ({
  saveSnapshot: ({ change, ...save }) =>
    onDatabase('SnapshotRejected', async () => {
      if (await saveInAnyMonth(db, save)) {
        onChange?.()
        log.debug('events applied', { eventIds: save.eventIds, change })
        return { outcome: 'saved', change }
      }
      const [stored, unapplied] = await Promise.all([
        readEmailState(db, save, channels),
        readUnappliedIds(db, save.provider, save.eventIds),
      ])
      return { outcome: 'stale', life: stored, appliedEventIds: save.eventIds.filter((id) => !unapplied.includes(id)) }
    }),

  loadLife: ({ eventIds, ...email }) =>
    onDatabase('LifeUnreadable', async () => {
      const [stored, unappliedEventIds] = await Promise.all([
        readEmailState(db, email, channels),
        eventIds && readUnappliedIds(db, email.provider, eventIds),
      ])
      return { ...stored, ...(unappliedEventIds && { unappliedEventIds }) }
    }),

  quarantineEvents: ({ provider, eventIds, reason }) =>
    onDatabase('QuarantineRejected', async () => {
      const quarantined = await quarantineEvents(db, provider, eventIds, reason)
      for (const event of quarantined) countEvent(metrics, event, 'quarantined')
      log.warn('events quarantined', { eventIds, reason })
    }),
})

/** The event's time may differ from the stored one, and so its partition: then the save searches all of them. */
const saveInAnyMonth = async (db: Database, { receivedBetween, ...save }: SnapshotSave): Promise<boolean> =>
  (receivedBetween !== undefined && (await saveSnapshot(db, { ...save, receivedBetween }))) || saveSnapshot(db, save)

/**
 * Reads what the run needs, and no more: the result is recorded in its history.
 * Indexes: emails_pkey, email_recipients_pkey, escalations_email_id_provider_reason_key, notifications_pkey.
 */
async function readEmailState(
  db: Database,
  { provider, emailId }: EmailKey,
  channels: ActivityDependencies['channels'],
): Promise<LoadedEmailState> {
  const names = channels.map(({ name }) => name)
  const [row, recipients, escalations, undelivered] = await Promise.all([
    db.email.findUnique({ where: { id_provider: { id: emailId, provider } } }),
    db.emailRecipient.findMany({ where: { emailId, provider } }),
    readEscalations(db, { provider, emailId }),
    readUndeliveredNotices(db, { provider, emailId }, names),
  ])
  return {
    snapshot: row && row.revision > 0 ? snapshotOf(row, recipients) : emptySnapshot,
    revision: row?.revision ?? 0,
    escalations,
    ...(undelivered.length > 0 && { undelivered }),
  }
}
