import { log } from '@temporalio/activity'
import type { Database } from '../db/database.ts'
import { readEscalations } from '../db/escalations.ts'
import { quarantineEvents, readUnappliedIds } from '../db/events.ts'
import { type SnapshotSave, saveSnapshot, snapshotOf } from '../db/snapshots.ts'
import type { EmailKey } from '../domain/events.ts'
import { unheardOf } from '../domain/lifecycle.ts'
import { countEvent } from '../metrics.ts'
import type { ActivityDependencies } from './create-activities.ts'
import { onDatabase } from './database-failure.ts'
import type { LifecycleActivities, StoredLife } from './lifecycle-activities.ts'

type SnapshotActivities = Pick<LifecycleActivities, 'saveSnapshot' | 'loadLife' | 'quarantineEvents'>

export const createSnapshotActivities = ({ db, metrics }: ActivityDependencies): SnapshotActivities => ({
  saveSnapshot: ({ change, ...save }) =>
    onDatabase('SnapshotRejected', async () => {
      if (await saveWherever(db, save)) {
        log.debug('events applied', { eventIds: save.eventIds, change })
        return { outcome: 'saved', change }
      }
      const [life, unapplied] = await Promise.all([
        readLife(db, save),
        readUnappliedIds(db, save.provider, save.eventIds),
      ])
      return { outcome: 'stale', life, appliedEventIds: save.eventIds.filter((id) => !unapplied.includes(id)) }
    }),

  loadLife: (email) => onDatabase('LifeUnreadable', () => readLife(db, email)),

  quarantineEvents: ({ provider, eventIds, reason }) =>
    onDatabase('QuarantineRejected', async () => {
      const quarantined = await quarantineEvents(db, provider, eventIds, reason)
      for (const event of quarantined) countEvent(metrics, event, 'quarantined')
      log.warn('events quarantined', { eventIds, reason })
    }),
})

/** What an event is said to have been received at may be another word of it than the one that is stored: then every month is asked. */
const saveWherever = async (db: Database, { receivedBetween, ...save }: SnapshotSave): Promise<boolean> =>
  (receivedBetween !== undefined && (await saveSnapshot(db, { ...save, receivedBetween }))) || saveSnapshot(db, save)

/** Indexes: emails_pkey, escalations_email_id_provider_reason_key. */
async function readLife(db: Database, { provider, emailId }: EmailKey): Promise<StoredLife> {
  const [row, escalations] = await Promise.all([
    db.email.findUnique({ where: { id_provider: { id: emailId, provider } } }),
    readEscalations(db, { provider, emailId }),
  ])
  return row
    ? { snapshot: row.revision === 0 ? unheardOf : snapshotOf(row), revision: row.revision, escalations }
    : { snapshot: unheardOf, revision: 0, escalations }
}
