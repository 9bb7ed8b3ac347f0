/** Endpoints, and events of emails that a workflow has applied. */
import { randomUUID } from 'node:crypto'
import type { Database } from '../../src/db/database.ts'
import { type DueDelivery, readDueDeliveries } from '../../src/db/deliveries.ts'
import { createEndpoint, type EndpointSettings, type NewEndpoint } from '../../src/db/endpoints.ts'
import { insertEvents } from '../../src/db/events.ts'
import { readSignalledEvents } from '../../src/db/signalled-events.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import type { EmailKey, ReceivedEvent } from '../../src/domain/events.ts'
import { emptySnapshot, foldEvents } from '../../src/domain/lifecycle.ts'
import { createEndpointSecret } from '../../src/endpoints/signed-request.ts'
import { emailRow, storedSnapshot } from '../db/stored.ts'
import { receivedEvent } from '../received-event.ts'

export const outboxTables = 'events, emails, escalations, suppressions, endpoints, deliveries, delivery_attempts'

/** By default it takes all events of the default project. */
export async function endpointWith(
  db: Database,
  settings: Partial<EndpointSettings & Pick<NewEndpoint, 'project' | 'secret'>> = {},
): Promise<string> {
  const { id } = await createEndpoint(db, {
    ...{ url: 'https://example.com/hooks', description: null, eventTypes: [], filters: {} },
    ...{ project: 'default', secret: createEndpointSecret(), by: 'ada' },
    ...settings,
  })
  return id
}

/** Stores events of an email, folds and saves them, as its workflow does. @returns them. */
export async function applyEvents(
  db: Database,
  email: EmailKey,
  ...events: Partial<ReceivedEvent>[]
): Promise<ReceivedEvent[]> {
  const stored = events.map((event) => receivedEvent({ ...email, id: `evt_${randomUUID()}`, ...event }))
  await insertEvents(db, stored, () => false)
  const eventIds = stored.map(({ id }) => id)
  const folded = await readSignalledEvents(db, email.provider, eventIds)
  const snapshot = foldEvents((await storedSnapshot(db, email)) ?? emptySnapshot, folded)
  const expectedRevision = (await emailRow(db, email))?.revision ?? 0
  if (!(await saveSnapshot(db, { ...email, snapshot, expectedRevision, eventIds }))) throw new Error('not saved')
  return stored
}

/** What an endpoint is to be sent next: the first of each lane. */
export const dueOf = (db: Database, endpointId: string): Promise<DueDelivery[]> =>
  readDueDeliveries(db, { endpointId, except: [], limit: 1_000 })

/** The types of all of an endpoint's deliveries, in order. */
export const typesFor = async (db: Database, endpointId: string): Promise<string[]> =>
  (await db.delivery.findMany({ where: { endpointId }, orderBy: { id: 'asc' } })).map(({ type }) => type)
