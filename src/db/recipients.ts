/** Statements about the recipient of an event: suppression and soft bounces. */

import { erasedAddress } from '../domain/address.ts'
import { softBounceWindowMs } from '../domain/bounce-policy.ts'
import { type BounceColumns, bounceIn, countsAsSoftBounce, suppressesRecipient } from '../domain/judge-bounce.ts'
import { projectOf, suppressionListOf } from '../domain/project.ts'
import type { EventSuppressionReason, SuppressionOutcome } from '../domain/suppression.ts'
import type { Database } from './database.ts'
import { erasedKeyOf } from './erased-address.ts'
import { Prisma } from './generated/client.ts'

export const eventWithEmail = Prisma.sql`events LEFT JOIN emails ON emails.id = events.email_id AND emails.provider = events.provider`

const columnNames: readonly (keyof BounceColumns)[] = [
  'bounce_class',
  'bounce_code',
  'bounce_message',
  'bounce_word',
  'bounce_sub_word',
  'bounce_host',
  'bounce_is_over',
]

export const bounceColumns = (table: string): Prisma.Sql =>
  Prisma.raw(columnNames.map((name) => `${table}.${name}`).join(', '))

const bounceFields = (table: string): Prisma.Sql =>
  Prisma.raw(columnNames.map((name) => `'${name}', ${table}.${name}`).join(', '))

/** The address that the event names, else the email's only recipient. */
export const recipientOfEvent = Prisma.sql`
  coalesce(events.recipient, CASE WHEN cardinality(emails.recipients) = 1 THEN emails.recipients[1] END)`

/**
 * Suppresses the address that the event names, else the email's only recipient. An applied event suppresses no address, so that its
 * repeat does not undo a removal from the list; nor does a bounce that is judged not to be the recipient's fault. An address that was
 * erased from the email is suppressed under its keyed hash.
 * Indexes: events_pkey, emails_pkey, suppressions_active_address_project, suppressions_address_event.
 */
export async function suppressEventRecipient(
  db: Database,
  event: { readonly provider: string; readonly eventId: string; readonly reason: EventSuppressionReason },
): Promise<SuppressionOutcome> {
  const [about] = await db.$queryRaw<({ address: string | null; type: string } & BounceColumns)[]>`
    SELECT ${recipientOfEvent} AS address, events.type, ${bounceColumns('events')}
    FROM ${eventWithEmail}
    WHERE events.provider = ${event.provider} AND events.event_id = ${event.eventId}`
  if (about?.type === 'bounced' && !suppressesRecipient(bounceIn(about))) return 'not_held_against_recipient'
  const erasedKey = about?.address ? erasedKeyOf(db, about.address) : null
  const list = suppressionListOf(db, projectOf(event.provider))
  const [row] = await db.$queryRaw<{ is_clear: boolean; is_added: boolean }[]>`
    WITH event AS (
      SELECT events.provider, events.event_id, events.email_id, events.applied_at, ${recipientOfEvent} AS address,
             emails.erased_at IS NOT NULL AND NOT emails.recipients @> ARRAY[${recipientOfEvent}] AS is_erased
      FROM ${eventWithEmail}
      WHERE events.provider = ${event.provider} AND events.event_id = ${event.eventId}
    ), added AS (
      INSERT INTO suppressions (project, address, reason, provider, email_id, event_id)
      SELECT ${list}, CASE WHEN is_erased THEN ${erasedKey} ELSE address END, ${event.reason}, provider, email_id, event_id FROM event
      WHERE address <> ${erasedAddress} AND applied_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM suppressions WHERE project = ${list} AND address = ${erasedKey} AND removed_at IS NULL)
      ON CONFLICT DO NOTHING
      RETURNING 1
    )
    SELECT address IS NOT NULL OR applied_at IS NOT NULL AS is_clear, EXISTS (SELECT 1 FROM added) AS is_added FROM event`
  if (row && !row.is_clear) return 'recipient_unclear'
  return row?.is_added ? 'suppressed' : 'already_suppressed'
}

/** A soft bounce, and the other soft bounces of its recipient. */
export interface SoftBounces {
  readonly recipient: string
  readonly occurredAt: Date
  readonly receivedAt: Date
  /** The times of the soft bounces that count against the recipient within the policy's window before and after, including this one. */
  readonly around: readonly Date[]
}

interface SoftBounceRow extends BounceColumns {
  readonly recipient: string
  readonly occurred_at: Date
  readonly received_at: Date
  readonly around: Date
  readonly own: BounceColumns
}

/**
 * The soft bounces of an event's recipient around the event; null if the recipient is unknown, or the event is not the recipient's
 * fault. Only bounces of the event's project that are the recipient's fault count.
 * Indexes: events_pkey, emails_pkey, events_soft_bounces, events_recipient.
 */
export async function readSoftBouncesAround(
  db: Database,
  provider: string,
  eventId: string,
): Promise<SoftBounces | null> {
  const rows = await db.$queryRaw<SoftBounceRow[]>`
    WITH event AS (
      SELECT events.occurred_at, events.received_at,
             json_build_object(${bounceFields('events')}) AS own,
             ${recipientOfEvent} AS recipient
      FROM ${eventWithEmail}
      WHERE events.provider = ${provider} AND events.event_id = ${eventId}
    )
    SELECT event.*, bounces.occurred_at AS around, ${bounceColumns('bounces')}
    FROM event, LATERAL (
      SELECT * FROM events WHERE recipient = event.recipient AND bounce_class = 'soft'
      UNION ALL
      -- A provider may call a full mailbox a hard bounce.
      SELECT * FROM events WHERE recipient = event.recipient AND applied_at IS NOT NULL AND bounce_class = 'hard'
        AND failure_reason IN ('mailbox_full', 'inactive_mailbox')
    ) AS bounces
    WHERE project_of(bounces.provider) = ${projectOf(provider)}
      AND bounces.occurred_at BETWEEN event.occurred_at - ${softBounceWindowMs} * interval '1 ms'
                                  AND event.occurred_at + ${softBounceWindowMs} * interval '1 ms'`
  const [first] = rows
  if (!first || !countsAsSoftBounce(bounceIn(first.own))) return null
  const { recipient, occurred_at: occurredAt, received_at: receivedAt } = first
  const counted = rows.filter((row) => countsAsSoftBounce(bounceIn(row)))
  return { recipient, occurredAt, receivedAt, around: [occurredAt, ...counted.map((row) => row.around)] }
}
