import assert from 'node:assert/strict'
import type { Database } from '../../src/db/database.ts'
import { readDueDeliveries, recordAttempts } from '../../src/db/deliveries.ts'
import { readEndpointBacklog } from '../../src/db/endpoints.ts'
import { listAttempts } from '../../src/db/endpoints-read.ts'
import { deleteOldDeliveries } from '../../src/db/retention.ts'
import { endpointWith } from '../endpoints/outbox-rig.ts'
import { useDatabase } from '../stack.ts'
import { describeBothPlannings } from './executed-plans.ts'

/** Most are over; the last of them wait, four of each email. */
const [rows, waiting] = [40_000, 4_000]
const limit = 50
const health = { failures: 0, firstFailedAt: null, lastSucceededAt: null, notBefore: null }

describe('on 40,000 deliveries, the', () => {
  const database = useDatabase()
  let endpointId: string
  before(async () => {
    const { db } = database
    endpointId = await endpointWith(db)
    await db.$executeRaw`
      INSERT INTO emails (id, provider, recipients) SELECT 'em_' || n, 'aisend', '{a@example.com}' FROM generate_series(1, ${rows / 4}::int) AS n`
    await db.$executeRaw`
      INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, applied_at)
      SELECT 'aisend', 'evt_' || n, 'em_' || (n + 3) / 4, 'sent', now(), date_trunc('second', now()), now()
      FROM generate_series(1, ${rows}::int) AS n`
    await db.$executeRaw`
      INSERT INTO deliveries (message_id, endpoint_id, lane, type, provider, email_id, event_id, event_received_at, state, created_at)
      SELECT 'msg_' || right(event_id, -4), ${endpointId}, email_id, 'email.sent', provider, email_id, event_id, received_at,
             CASE WHEN right(event_id, -4)::int > ${rows - waiting}::int THEN 'pending' ELSE 'delivered' END,
             now() - (${rows}::int - right(event_id, -4)::int) * interval '1 minute'
      FROM events ORDER BY right(event_id, -4)::int`
    await db.$executeRaw`
      INSERT INTO delivery_attempts (delivery_id, endpoint_id, at, duration_ms, status)
      SELECT id, endpoint_id, now(), 1, CASE WHEN id % 1000 = 0 THEN 500 ELSE 200 END FROM deliveries`
    await db.$executeRawUnsafe('VACUUM ANALYZE emails, events, deliveries, delivery_attempts')
  })

  const statements: Record<string, { run: (db: Database) => Promise<unknown>; indexes: string[]; maxRows: number }> = {
    'read of due deliveries': {
      run: (db) => readDueDeliveries(db, { endpointId, except: ['1', '2'], limit }),
      indexes: ['deliveries_pending', 'deliveries_pending_lane', 'events_pkey', 'emails_pkey'],
      // Of each email one, of four; and what their payloads are made of.
      maxRows: limit * 4 * 3,
    },
    'record of attempts': {
      run: (db) =>
        recordAttempts(
          db,
          endpointId,
          null,
          [
            {
              ...{ deliveryId: String(rows), at: Date.now(), status: 503, durationMs: 1, error: null, answer: '' },
              ...{ state: 'pending', isCounted: true, nextAttemptAt: Date.now() },
            },
          ],
          health,
        ),
      indexes: ['deliveries_pending'],
      maxRows: 20,
    },
    'list of failed attempts': {
      run: (db) => listAttempts(db, { endpointId, outcome: 'failed', before: { id: String(rows) }, limit: 20 }),
      indexes: ['delivery_attempts_failed', 'delivery_attempts_pkey', 'deliveries_pkey'],
      maxRows: 80,
    },
    'list of all attempts': {
      run: (db) => listAttempts(db, { endpointId, before: null, limit }),
      indexes: ['delivery_attempts_pkey', 'deliveries_pkey'],
      maxRows: limit * 4,
    },
    'count of what waits': {
      run: (db) => readEndpointBacklog(db, endpointId),
      indexes: ['deliveries_pending'],
      maxRows: waiting * 2,
    },
    'deletion of old deliveries': {
      run: (db) => deleteOldDeliveries(db, { before: Date.now() - 15 * 86_400_000, pendingBefore: null }, limit),
      indexes: ['deliveries_created_at_idx', 'deliveries_pkey', 'delivery_attempts_delivery_id_idx'],
      maxRows: limit * 6,
    },
  }

  describeBothPlannings(
    () => database.url,
    (explained) => {
      for (const [name, { run, indexes, maxRows }] of Object.entries(statements)) {
        it(`${name} reads by ${indexes.join(', ')}`, async () => {
          const plans = await explained().plansOf(run)
          // There are few endpoints.
          const scanned = plans.flatMap((plan) => plan.scanned).filter((table) => table !== 'endpoints')
          assert.deepEqual(scanned, [])
          const used = new Set(plans.flatMap((plan) => plan.indexes))
          assert.deepEqual(
            indexes.filter((index) => !used.has(index)),
            [],
            `it used ${[...used]}`,
          )
          const read = plans.reduce((sum, plan) => sum + plan.rows, 0)
          assert.ok(read <= maxRows, `it read ${read} rows`)
        })
      }
    },
  )
})
