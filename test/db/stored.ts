/** Rows for tests of statements. */
import type { Database } from '../../src/db/database.ts'
import { insertEvents } from '../../src/db/events.ts'
import type { Email } from '../../src/db/generated/client.ts'
import { readSignalledEvents } from '../../src/db/signalled-events.ts'
import { snapshotOf } from '../../src/db/snapshot-columns.ts'
import type { EmailKey, LifecycleEvent, ReceivedEvent } from '../../src/domain/events.ts'
import { registrationEventType } from '../../src/domain/events.ts'
import type { Snapshot } from '../../src/domain/lifecycle.ts'
import { registrationPayloadOf } from '../../src/domain/received-event.ts'
import { receivedEvent } from '../received-event.ts'

/** The stored event of a workflow's event. */
export function rowOf(email: EmailKey, event: LifecycleEvent, more: Partial<ReceivedEvent> = {}): ReceivedEvent {
  const { id, occurredAt, receivedAt } = event
  return receivedEvent({
    ...email,
    id,
    occurredAt,
    receivedAt,
    type: event.type === 'registered' ? registrationEventType : event.type,
    bounce: event.type === 'bounced' ? { ...event.bounce, message: null } : null,
    human: 'human' in event && event.human,
    scheduledFor: (event.type === 'queued' && event.scheduledFor) || null,
    payload: event.type === 'registered' ? registrationPayloadOf(event) : '{}',
    ...more,
  })
}

/** The addresses of the recipients whose keys an event has; none if it has none. */
export const addressesOf = ({ recipient, to = [] }: LifecycleEvent): Pick<ReceivedEvent, 'recipient' | 'to'> => ({
  recipient: recipient === undefined ? null : `${recipient}@example.com`,
  to: to.map((key) => `${key}@example.com`),
})

/** Stores these events of an email, with their recipients. @returns them as workflows receive them: with the stored keys and judgements. */
export async function storeSignalled(db: Database, email: EmailKey, events: readonly LifecycleEvent[]) {
  await insertEvents(
    db,
    events.map((event) => rowOf(email, event, addressesOf(event))),
    () => false,
  )
  const ids = events.map(({ id }) => id)
  return readSignalledEvents(db, email.provider, ids)
}

/** Stores events with defaults. */
export const store = (db: Database, ...events: Partial<ReceivedEvent>[]) => insertEvents(db, events.map(receivedEvent))

export const rowWith = (db: Database, eventId: string) => db.event.findFirstOrThrow({ where: { eventId } })

/** The remaining lease of an event. */
export const leaseLeftMs = async (db: Database, eventId: string): Promise<number> =>
  ((await rowWith(db, eventId)).leaseUntil?.getTime() ?? Number.NaN) - Date.now()

/** Marks an event applied, like a worker. */
export const apply = (db: Database, eventId: string) =>
  db.$executeRaw`UPDATE events SET applied_at = now() WHERE event_id = ${eventId}`

export const emailRow = (db: Database, { provider, emailId }: EmailKey): Promise<Email | null> =>
  db.email.findUnique({ where: { id_provider: { id: emailId, provider } } })

export const recipientRows = (db: Database, { provider, emailId }: EmailKey) =>
  db.emailRecipient.findMany({ where: { provider, emailId }, orderBy: { address: 'asc' } })

/** The row of an email; null if there is none. */
export async function storedSnapshot(db: Database, email: EmailKey): Promise<Snapshot | null> {
  const [row, recipients] = await Promise.all([emailRow(db, email), recipientRows(db, email)])
  return row && snapshotOf(row, recipients)
}

export async function unappliedIds(db: Database): Promise<string[]> {
  const rows = await db.event.findMany({ where: { appliedAt: null }, orderBy: { eventId: 'asc' } })
  return rows.map(({ eventId }) => eventId)
}

/**
 * Removes all claims of unapplied events. It locks the table: row by row it could deadlock with a save.
 */
export const unclaimAll = (db: Database) =>
  db.$transaction([
    db.$executeRaw`LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE`,
    db.$executeRaw`UPDATE events SET lease_until = NULL, attempts = 0 WHERE applied_at IS NULL`,
  ])

/** Expires the leases: the events are signalled again, a few at a time. */
export const expireLeases = (db: Database) =>
  db.$transaction([
    db.$executeRaw`LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE`,
    db.$executeRaw`UPDATE events SET lease_until = now() - interval '1 second' WHERE applied_at IS NULL AND lease_until IS NOT NULL`,
  ])
