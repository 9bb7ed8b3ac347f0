/** Statements on the leases of events that wait: who is to signal them, and when anybody else may. */
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'
import { receivedBetween } from '../domain/received-between.ts'
import { lifecycleEventOf } from '../domain/received-event.ts'
import type { Database } from './database.ts'
import type { EventKey, StoredEventKey } from './events.ts'
import { Prisma } from './generated/client.ts'
import { receivedBounds } from './received-between.ts'

/** For how long a new event is left to the instance that took it, before any sweep may send it again. */
export const firstLeaseMs = 10_000

/** How long a signalled event is given to be applied, before a sweep signals it again. */
export const signalledLeaseMs = 300_000

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

function isInMonthOf(keys: readonly StoredEventKey[]): Prisma.Sql {
  const [from, to] = receivedBounds(receivedBetween(keys))
  return Prisma.sql`received_at BETWEEN ${from}::timestamptz AND ${to}::timestamptz`
}

/**
 * Gives events that wait more time: those that Temporal has taken to be applied, others to be signalled. Most are applied by
 * then, and are left alone; so are those that are being applied right now, and those that have half of it left. Index: events_pkey.
 */
export function extendLeases(
  db: Database,
  keys: readonly StoredEventKey[],
  leaseMs = signalledLeaseMs,
): Promise<number> {
  if (keys.length === 0) return Promise.resolve(0)
  const providers = keys.map((key) => key.provider)
  const ids = keys.map((key) => key.id)
  const isInMonth = isInMonthOf(keys)
  // No join: one that is planned on an empty table reads all of it.
  return db.$executeRaw`
    UPDATE events SET lease_until = now() + ${leaseMs} * interval '1 ms'
    WHERE ${isInMonth} AND provider = ANY(${providers}) AND event_id = ANY(ARRAY(
      SELECT event_id FROM events
      WHERE ${isInMonth} AND provider = ANY(${providers}) AND event_id = ANY(${ids}) AND applied_at IS NULL
        -- A longer one is not cut: another instance may have signalled it. Each renewal writes the row and its indexes.
        AND lease_until < now() + ${leaseMs / 2} * interval '1 ms'
        AND (provider, event_id) IN (SELECT * FROM unnest(${providers}::text[], ${ids}::text[]))
      FOR UPDATE SKIP LOCKED
    ))`
}

/**
 * Which of these events wait still: not applied, and not put aside. Beside them perhaps one with the ID of one of them and the provider
 * of another: a join would rule it out, and read all of a month that was empty when it was planned. Index: events_pkey.
 * @param keys at least one.
 */
export function readWaiting(db: Database, keys: readonly StoredEventKey[]): Promise<EventKey[]> {
  // By no condition that another index answers: during a backlog, the index of what waits has a hundred thousand entries.
  return db.$queryRaw<EventKey[]>`
    SELECT provider, event_id AS id FROM events
    WHERE ${isInMonthOf(keys)}
      AND provider = ANY(${[...new Set(keys.map((key) => key.provider))]}) AND event_id = ANY(${keys.map((key) => key.id)})
      AND num_nonnulls(applied_at, quarantined_reason) = 0`
}
