/** Rows as tests on statements want them. */
import type { Database } from '../../src/db/database.ts'
import { insertEvents } from '../../src/db/events.ts'
import type { Email } from '../../src/db/generated/client.ts'
import { snapshotOf } from '../../src/db/snapshots.ts'
import type { EmailKey, LifecycleEvent, ReceivedEvent } from '../../src/domain/events.ts'
import { registrationEventType } from '../../src/domain/events.ts'
import type { Snapshot } from '../../src/domain/lifecycle.ts'
import { registrationPayloadOf } from '../../src/domain/received-event.ts'
import { receivedEvent } from '../received-event.ts'

/** The row that an event of a workflow came from. */
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
    payload: event.type === 'registered' ? registrationPayloadOf(event) : '{}',
    ...more,
  })
}

/** Stores events that a test only needs to be there. */
export const store = (db: Database, ...events: Partial<ReceivedEvent>[]) => insertEvents(db, events.map(receivedEvent))

export const rowWith = (db: Database, eventId: string) => db.event.findFirstOrThrow({ where: { eventId } })

/** How much of an event's lease is left. */
export const leaseMs = async (db: Database, eventId: string): Promise<number> =>
  (await rowWith(db, eventId)).leaseUntil.getTime() - Date.now()

/** As if a worker had applied it. */
export const apply = (db: Database, eventId: string) =>
  db.$executeRaw`UPDATE events SET applied_at = now() WHERE event_id = ${eventId}`

export const emailRow = (db: Database, { provider, emailId }: EmailKey): Promise<Email | null> =>
  db.email.findUnique({ where: { id_provider: { id: emailId, provider } } })

/** What is stored of an email; null if nothing is. */
export async function storedSnapshot(db: Database, email: EmailKey): Promise<Snapshot | null> {
  const row = await emailRow(db, email)
  return row && snapshotOf(row)
}

export async function unappliedIds(db: Database): Promise<string[]> {
  const rows = await db.event.findMany({ where: { appliedAt: null }, orderBy: { eventId: 'asc' } })
  return rows.map(({ eventId }) => eventId)
}

/**
 * As if their leases had run out: the next sweep finds them. Alone on the table: row by row it would deadlock with a save
 * that holds one of its rows and wants another.
 */
export const expireLeases = (db: Database) =>
  db.$transaction([
    db.$executeRaw`LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE`,
    db.$executeRaw`UPDATE events SET lease_until = now() - interval '1 second' WHERE applied_at IS NULL`,
  ])
