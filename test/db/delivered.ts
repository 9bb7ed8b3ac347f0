/** An email that is delivered: what waits for the endpoints is written by the same statement. */
import type { Database } from '../../src/db/database.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import { emptySnapshot, foldEvents } from '../../src/domain/lifecycle.ts'
import { store } from './stored.ts'

export async function deliverEmail(db: Database, emailId: string): Promise<void> {
  const id = `${emailId}/1`
  await store(db, { emailId, id, type: 'delivered', recipient: 'ada@example.com', to: ['ada@example.com'] })
  const at = Date.now()
  const snapshot = foldEvents(emptySnapshot, [{ id, type: 'delivered', occurredAt: at, receivedAt: at }])
  await saveSnapshot(db, { provider: 'aisend', emailId, snapshot, expectedRevision: 0, eventIds: [id] })
}
