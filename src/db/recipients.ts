/** Statements about whom an email went to: the suppression that follows from an event, and its soft bounces. */
import type { EventSuppressionReason, SuppressionOutcome } from '../activities/lifecycle-activities.ts'
import { erasedAddress } from '../domain/address.ts'
import { softBounceWindowMs } from '../domain/bounce-policy.ts'
import type { Database } from './database.ts'
import { erasedKeyOf } from './erased-address.ts'
import { Prisma } from './generated/client.ts'

const eventWithEmail = Prisma.sql`events LEFT JOIN emails ON emails.id = events.email_id AND emails.provider = events.provider`

/** The one that the event names, else the email's only recipient. */
const recipientOfEvent = Prisma.sql`
  coalesce(events.recipient, CASE WHEN cardinality(emails.recipients) = 1 THEN emails.recipients[1] END)`

/**
 * Suppresses the one address that the event is about: the one it names, else the email's only recipient. An event that
 * is applied already suppresses nobody, so that its repeat does not undo a removal from the list. Somebody who was erased
 * from the email is suppressed under a keyed hash, and stays so.
 * Indexes: events_pkey, emails_pkey, suppressions_active_address, suppressions_address_event.
 */
export async function suppressEventRecipient(
  db: Database,
  event: { readonly provider: string; readonly eventId: string; readonly reason: EventSuppressionReason },
): Promise<SuppressionOutcome> {
  const [about] = await db.$queryRaw<{ address: string | null }[]>`
    SELECT ${recipientOfEvent} AS address FROM ${eventWithEmail}
    WHERE events.provider = ${event.provider} AND events.event_id = ${event.eventId}`
  const erasedKey = about?.address ? erasedKeyOf(db, about.address) : null
  const [row] = await db.$queryRaw<{ is_clear: boolean; is_added: boolean }[]>`
    WITH event AS (
      SELECT events.provider, events.event_id, events.email_id, events.applied_at, ${recipientOfEvent} AS address,
             emails.erased_at IS NOT NULL AND NOT emails.recipients @> ARRAY[${recipientOfEvent}] AS is_erased
      FROM ${eventWithEmail}
      WHERE events.provider = ${event.provider} AND events.event_id = ${event.eventId}
    ), added AS (
      INSERT INTO suppressions (address, reason, provider, email_id, event_id)
      SELECT CASE WHEN is_erased THEN ${erasedKey} ELSE address END, ${event.reason}, provider, email_id, event_id FROM event
      WHERE address <> ${erasedAddress} AND applied_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM suppressions WHERE address = ${erasedKey} AND removed_at IS NULL)
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
             ${recipientOfEvent} AS recipient
      FROM ${eventWithEmail}
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
