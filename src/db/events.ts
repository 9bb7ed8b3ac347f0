/** Statements on the events table: the inbox and the log in one. */
import type { EmailKey, LifecycleEvent, ReceivedEvent } from '../domain/events.ts'
import { receivedBetween } from '../domain/received-between.ts'
import { lifecycleEventOf } from '../domain/received-event.ts'
import { type Database, statementNameOf } from './database.ts'
import { withMonthMade } from './event-months.ts'
import { Prisma } from './generated/client.ts'
import { receivedBounds } from './received-between.ts'

/** Who holds an event: its idempotency key. */
export interface EventKey {
  readonly provider: string
  readonly id: string
}

/** One that is stored, and when it was received: by that its month is found. */
export interface StoredEventKey extends EventKey {
  /** Epoch milliseconds. */
  readonly receivedAt: number
}

/** For how long a new event is left to the instance that took it, before any sweep may send it again. */
export const firstLeaseMs = 10_000

/** How long a signalled event is given to be applied, before a sweep signals it again. */
export const signalledLeaseMs = 300_000

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

/** Events that wait for their email's workflow, with what is needed to signal them. */
export interface WaitingEvent {
  readonly email: EmailKey
  readonly event: LifecycleEvent
  readonly recipientDomain: string | null
}

interface ClaimedRow {
  readonly provider: string
  readonly event_id: string
  readonly email_id: string
  readonly type: string
  readonly occurred_at: Date
  readonly received_at: Date
  readonly bounce_class: string | null
  readonly bounce_code: string | null
  readonly human: boolean
  /** Empty but for registrations, whose payload is our own. */
  readonly payload: string
  readonly recipient_domain: string | null
}

/**
 * No lease lasts as long. One that ends later was taken before PostgreSQL's clock was set back, and would hold its event
 * for as long as the clock was wrong.
 */
const impossibleLeaseMs = 900_000

/** What came longer ago is found by its own lease: here it would have every month looked into. */
const companyWithinDays = 31

/**
 * Takes a lease on events whose lease has run out, the longest overdue first, skipping those that another instance is
 * taking at this moment. With each comes what else is overdue of its email: an email whose events are shared out between
 * instances, or over many claims, costs a signal and a workflow task for each share.
 * @param limit events at most.
 * @param emails so many of the longest overdue, of as many emails or fewer, and the rest of those emails'.
 * Indexes: events_waiting, events_email_id_provider_idx, events_pkey, emails_pkey.
 */
export async function claimOverdueEvents(db: Database, limit: number, emails = limit): Promise<WaitingEvent[]> {
  const oldest = Math.min(limit, emails)
  // Each table is found by `= ANY(ARRAY(…))` and by no condition that another index answers: planned on an empty table, joins and
  // such conditions would have all of it read.
  const rows = await db.$queryRaw<ClaimedRow[]>`
    WITH overdue AS (
      SELECT provider, event_id, email_id, received_at FROM events
      WHERE applied_at IS NULL AND quarantined_reason IS NULL AND lease_until < now()
      ORDER BY lease_until
      LIMIT ${oldest}
      FOR UPDATE SKIP LOCKED
    ), stranded AS (
      SELECT provider, event_id, email_id, received_at FROM events
      WHERE applied_at IS NULL AND quarantined_reason IS NULL
        AND lease_until > now() + ${impossibleLeaseMs} * interval '1 ms'
      ORDER BY lease_until
      LIMIT ${oldest}
      FOR UPDATE SKIP LOCKED
    ), seeds AS MATERIALIZED (
      SELECT * FROM overdue UNION ALL SELECT * FROM stranded LIMIT ${oldest}
    ), company AS (
      SELECT provider, event_id, received_at FROM events
      WHERE email_id = ANY(ARRAY(SELECT email_id FROM seeds))
        AND (provider, email_id) IN (SELECT provider, email_id FROM seeds)
        AND received_at > now() - ${companyWithinDays} * interval '1 day'
        AND num_nonnulls(applied_at, quarantined_reason) = 0 AND lease_until < now()
      LIMIT ${limit - oldest}
      FOR UPDATE SKIP LOCKED
    ), due AS (
      SELECT provider, event_id, received_at FROM seeds UNION SELECT * FROM company
    ), claimed AS (
      UPDATE events SET lease_until = now() + ${firstLeaseMs} * interval '1 ms'
      WHERE provider = ANY(ARRAY(SELECT provider FROM due)) AND event_id = ANY(ARRAY(SELECT event_id FROM due))
        AND received_at BETWEEN (SELECT min(received_at) FROM due) AND (SELECT max(received_at) FROM due)
        AND (provider, event_id) IN (SELECT provider, event_id FROM due)
      RETURNING *
    )
    SELECT provider, event_id, email_id, type, occurred_at, received_at, bounce_class, bounce_code, human,
           CASE WHEN type = 'aftersend.registered' THEN payload::text ELSE '' END AS payload,
           coalesce(
             (SELECT recipient_domain FROM emails WHERE id = claimed.email_id AND provider = claimed.provider),
             nullif(split_part(recipient, '@', 2), '')) AS recipient_domain
    FROM claimed
    ORDER BY received_at`
  return rows.map((row) => ({
    email: { provider: row.provider, emailId: row.email_id },
    event: lifecycleEventOf({
      id: row.event_id,
      type: row.type,
      occurredAt: row.occurred_at.getTime(),
      receivedAt: row.received_at.getTime(),
      bounce: { class: row.bounce_class === 'soft' ? 'soft' : 'hard', code: row.bounce_code },
      human: row.human,
      payload: row.payload,
    }),
    recipientDomain: row.recipient_domain,
  }))
}

/**
 * Gives events that wait more time: those that Temporal has taken to be applied, others to be signalled. Most are applied by
 * then, and are left alone; so are those that are being applied right now. Index: events_pkey.
 */
export function extendLeases(
  db: Database,
  keys: readonly StoredEventKey[],
  leaseMs = signalledLeaseMs,
): Promise<number> {
  if (keys.length === 0) return Promise.resolve(0)
  const providers = keys.map((key) => key.provider)
  const ids = keys.map((key) => key.id)
  const [from, to] = receivedBounds(receivedBetween(keys))
  const isInMonth = Prisma.sql`received_at BETWEEN ${from}::timestamptz AND ${to}::timestamptz`
  // No join: one that is planned on an empty table reads all of it.
  return db.$executeRaw`
    UPDATE events SET lease_until = now() + ${leaseMs} * interval '1 ms'
    WHERE ${isInMonth} AND provider = ANY(${providers}) AND event_id = ANY(ARRAY(
      SELECT event_id FROM events
      WHERE ${isInMonth} AND provider = ANY(${providers}) AND event_id = ANY(${ids}) AND applied_at IS NULL
        -- A longer one is not cut: another instance may have signalled it.
        AND lease_until < now() + ${leaseMs} * interval '1 ms'
        AND (provider, event_id) IN (SELECT * FROM unnest(${providers}::text[], ${ids}::text[]))
      FOR UPDATE SKIP LOCKED
    ))`
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
