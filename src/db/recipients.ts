/** Statements about whom an email went to: the suppression that follows from an event, and its soft bounces. */
import type { EventSuppressionReason, SuppressionOutcome } from '../activities/lifecycle-activities.ts'
import { softBounceWindowMs } from '../domain/bounce-policy.ts'
import type { Database } from './database.ts'

/**
 * Suppresses the one address that the event is about: the one it names, else the email's only recipient. An event that
 * is applied already suppresses nobody, so that its repeat does not undo a removal from the list.
 * Indexes: events_pkey, emails_pkey, suppressions_active_address, suppressions_address_event.
 */
export async function suppressEventRecipient(
  db: Database,
  event: { readonly provider: string; readonly eventId: string; readonly reason: EventSuppressionReason },
): Promise<SuppressionOutcome> {
  const [row] = await db.$queryRaw<{ is_clear: boolean; is_added: boolean }[]>`
    WITH event AS (
      SELECT events.provider, events.event_id, events.email_id, events.applied_at,
             coalesce(events.recipient, CASE WHEN cardinality(emails.recipients) = 1 THEN emails.recipients[1] END) AS address
      FROM events LEFT JOIN emails ON emails.id = events.email_id AND emails.provider = events.provider
      WHERE events.provider = ${event.provider} AND events.event_id = ${event.eventId}
    ), added AS (
      INSERT INTO suppressions (address, reason, provider, email_id, event_id)
      SELECT address, ${event.reason}, provider, email_id, event_id FROM event
      WHERE address IS NOT NULL AND applied_at IS NULL
      ON CONFLICT DO NOTHING
      RETURNING 1
    )
    SELECT address IS NOT NULL OR applied_at IS NOT NULL AS is_clear, EXISTS (SELECT 1 FROM added) AS is_added FROM event`
  if (row && !row.is_clear) return 'recipient_unclear'
  return row?.is_added ? 'suppressed' : 'already_suppressed'
}

/** A soft bounce with all that its recipient had around it. */
export interface SoftBounces {
  readonly recipient: string
  readonly occurredAt: Date
  readonly receivedAt: Date
  /** Every soft bounce of the recipient within the policy's window on either side, this one included. */
  readonly around: readonly Date[]
}

/**
 * The soft bounces of the recipient that an event is about, around that event; null if it is about nobody known.
 * Indexes: events_pkey, emails_pkey, events_soft_bounces.
 */
export async function readSoftBouncesAround(
  db: Database,
  provider: string,
  eventId: string,
): Promise<SoftBounces | null> {
  const rows = await db.$queryRaw<{ recipient: string; occurred_at: Date; received_at: Date; around: Date }[]>`
    WITH event AS (
      SELECT events.occurred_at, events.received_at,
             coalesce(events.recipient, CASE WHEN cardinality(emails.recipients) = 1 THEN emails.recipients[1] END) AS recipient
      FROM events LEFT JOIN emails ON emails.id = events.email_id AND emails.provider = events.provider
      WHERE events.provider = ${provider} AND events.event_id = ${eventId}
    )
    SELECT event.recipient, event.occurred_at, event.received_at, bounces.occurred_at AS around
    FROM event JOIN events AS bounces ON bounces.recipient = event.recipient AND bounces.bounce_class = 'soft'
    WHERE bounces.occurred_at BETWEEN event.occurred_at - ${softBounceWindowMs} * interval '1 ms'
                                  AND event.occurred_at + ${softBounceWindowMs} * interval '1 ms'`
  const [first] = rows
  if (!first) return null
  const { recipient, occurred_at: occurredAt, received_at: receivedAt } = first
  return { recipient, occurredAt, receivedAt, around: [occurredAt, ...rows.map((row) => row.around)] }
}
