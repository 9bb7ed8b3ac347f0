/** Statements on the events table: the inbox and the log in one. */
import type { ReceivedEvent } from '../domain/events.ts'
import { type Database, statementNameOf } from './database.ts'
import { withMonthMade } from './event-months.ts'
import { firstLeaseMs } from './leases.ts'

/** Who holds an event: its idempotency key. */
export interface EventKey {
  readonly provider: string
  readonly id: string
}

/** A key as one text, for maps, sets and an order. */
export const textOfKey = ({ provider, id }: EventKey): string => `${provider}\n${id}`

/** One that is stored, and when it was received: by that its month is found. */
export interface StoredEventKey extends EventKey {
  /** Epoch milliseconds. */
  readonly receivedAt: number
}

/** An event fails this often for reasons of its own, then it is quarantined. */
export const attemptLimit = 10

const iso = (epochMs: number): string => new Date(epochMs).toISOString()

const insertStatement = `
  INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, "to", recipient, subject,
                      bounce_class, bounce_code, bounce_message, human, payload, quarantined_reason, lease_until)
  SELECT provider, event_id, email_id, type, occurred_at, received_at,
         CASE WHEN recipients = '' THEN '{}' ELSE string_to_array(recipients, ' ') END, recipient, subject,
         bounce_class, bounce_code, bounce_message, human, payload, quarantined_reason,
         now() + $16::int * interval '1 ms'
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[],
              $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bool[], $14::json[], $15::text[])
    AS given(provider, event_id, email_id, type, occurred_at, received_at, recipients, recipient, subject,
             bounce_class, bounce_code, bounce_message, human, payload, quarantined_reason)
  ON CONFLICT DO NOTHING
  RETURNING provider, event_id AS id`

/**
 * Stores events in one statement; those that were stored before are passed over, by a trigger
 * that claims their identity (`event_identities`). Straight through the pool: Prisma
 * spends about as much on a statement's result as PostgreSQL on the statement, and every webhook waits for this one.
 * @param events sorted by key by the caller: two instances that take the same events in another order would deadlock.
 * @param leaseMs for how long they are left to the caller to signal.
 * @returns the keys that were new. Index: events_pkey.
 */
export async function insertEvents(
  db: Database,
  events: readonly ReceivedEvent[],
  leaseMs = firstLeaseMs,
): Promise<EventKey[]> {
  const statement = {
    name: statementNameOf(insertStatement),
    text: insertStatement,
    values: [
      events.map((event) => event.provider),
      events.map((event) => event.id),
      events.map((event) => event.emailId),
      events.map((event) => event.type),
      events.map((event) => iso(event.occurredAt)),
      events.map((event) => iso(event.receivedAt)),
      events.map((event) => event.to.join(' ')),
      events.map((event) => event.recipient),
      events.map((event) => event.subject),
      events.map((event) => event.bounce?.class ?? null),
      events.map((event) => event.bounce?.code ?? null),
      events.map((event) => event.bounce?.message ?? null),
      events.map((event) => event.human),
      events.map((event) => event.payload),
      events.map((event) => event.quarantinedReason ?? null),
      leaseMs,
    ],
  }
  const { rows } = await withMonthMade(db, () => db.pool.query<EventKey>(statement))
  return rows
}

/**
 * Notes that events failed for a reason of their own (not an outage); at the {@link attemptLimit} they are quarantined.
 * The time to the next attempt doubles. Index: events_pkey.
 * @returns the events that are quarantined now.
 */
export const countFailedAttempt = (
  db: Database,
  keys: readonly EventKey[],
  reason: string,
): Promise<{ provider: string; type: string }[]> => db.$queryRaw`
  WITH failed AS (
    UPDATE events SET
      attempts = attempts + 1,
      lease_until = now() + least(power(2, attempts), 600) * interval '1 second',
      quarantined_reason = CASE WHEN attempts + 1 >= ${attemptLimit} THEN ${reason} END
    FROM unnest(${keys.map((key) => key.provider)}::text[], ${keys.map((key) => key.id)}::text[]) AS given(provider, event_id)
    WHERE events.provider = given.provider AND events.event_id = given.event_id
      AND applied_at IS NULL AND quarantined_reason IS NULL
    RETURNING events.provider, type, quarantined_reason
  )
  SELECT provider, type FROM failed WHERE quarantined_reason IS NOT NULL`

/** Puts events aside at once, with the reason. They stay stored and shown. Index: events_pkey. */
export const quarantineEvents = (
  db: Database,
  provider: string,
  ids: readonly string[],
  reason: string,
): Promise<{ provider: string; type: string }[]> => db.$queryRaw`
  UPDATE events SET quarantined_reason = ${reason}, attempts = ${attemptLimit}
  WHERE provider = ${provider} AND event_id = ANY(${[...ids]}) AND applied_at IS NULL AND quarantined_reason IS NULL
  RETURNING provider, type`

/** What waits and for how long, for /metrics. Indexes: events_waiting (index-only), escalations_unresolved. */
export async function readInboxFigures(
  db: Database,
): Promise<{ pending: number; oldestSeconds: number; escalationsOpen: number }> {
  const [figures] = await db.$queryRaw<{ pending: number; oldest_seconds: number; escalations_open: number }[]>`
    SELECT waiting.pending, waiting.oldest_seconds,
           (SELECT count(*)::int FROM escalations WHERE state <> 'resolved') AS escalations_open
    FROM (
      SELECT count(*)::int AS pending,
             coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8 AS oldest_seconds
      FROM events WHERE applied_at IS NULL AND quarantined_reason IS NULL
    ) AS waiting`
  return {
    pending: figures?.pending ?? 0,
    oldestSeconds: Math.max(0, figures?.oldest_seconds ?? 0),
    escalationsOpen: figures?.escalations_open ?? 0,
  }
}

/** Which of these events are not applied yet. Index: events_pkey. */
export async function readUnappliedIds(db: Database, provider: string, ids: readonly string[]): Promise<string[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT event_id AS id FROM events
    WHERE provider = ${provider} AND event_id = ANY(${[...ids]}) AND applied_at IS NULL`
  return rows.map((row) => row.id)
}
