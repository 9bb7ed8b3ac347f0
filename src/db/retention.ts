/**
 * Statements that erase by age, in batches. Each stores its progress, so that erased rows are not read again. Pending events are not
 * erased: the progress stops before the oldest.
 */
import { erasedAddress } from '../domain/address.ts'
import { registrationEventType } from '../domain/events.ts'
import type { Database } from './database.ts'
import { iso } from './epoch-ms.ts'
import { Prisma } from './generated/client.ts'

/** Erases rows older than `before` (epoch milliseconds), at most `limit`. @returns the number of erased rows. */
export type EraseByAge = (db: Database, before: number, limit: number) => Promise<number>

/** The payloads of events, except for registrations, which hold no personal data. Indexes: events_applied, events_quarantined, events_pending. */
export const eraseOldPayloads: EraseByAge = (db, before, limit) =>
  eraseOldEvents(db, before, limit, {
    what: 'payloads',
    isIdentifying: Prisma.sql`payload IS NOT NULL AND type <> ${registrationEventType}`,
    erased: Prisma.sql`payload = NULL`,
  })

/** Addresses, subjects, bounce messages and responses of events. Indexes: events_applied, events_quarantined, events_pending. */
export const eraseOldEventAddresses: EraseByAge = (db, before, limit) =>
  eraseOldEvents(db, before, limit, {
    what: 'event_addresses',
    isIdentifying: Prisma.sql`(recipient IS NOT NULL OR "to" <> '{}' OR subject IS NOT NULL OR bounce_message IS NOT NULL
      OR response IS NOT NULL)`,
    erased: Prisma.sql`recipient = NULL, "to" = '{}', subject = NULL, bounce_message = NULL, response = NULL,
      payload = CASE WHEN type = ${registrationEventType} THEN payload END`,
  })

interface OldEvents {
  /** The key of the stored progress. */
  readonly what: string
  readonly isIdentifying: Prisma.Sql
  readonly erased: Prisma.Sql
}

const eraseOldEvents = (db: Database, before: number, limit: number, { what, isIdentifying, erased }: OldEvents) =>
  db.$transaction(async (transaction) => {
    const [row] = await transaction.$queryRaw<{ count: number }[]>`
      WITH bound AS (
        SELECT least(${iso(before)}::timestamptz, (
          SELECT min(received_at) FROM events WHERE applied_at IS NULL AND quarantined_reason IS NULL
        )) AS before
      ), chosen AS MATERIALIZED (
        SELECT provider, event_id, received_at FROM events
        WHERE applied_at IS NOT NULL AND received_at < (SELECT before FROM bound) AND ${isIdentifying}
          AND received_at >= coalesce((SELECT through FROM retention_progress WHERE what = ${what}), '-infinity')
        ORDER BY received_at LIMIT ${limit}
      ), quarantined AS MATERIALIZED (
        SELECT provider, event_id, received_at FROM events
        WHERE quarantined_reason IS NOT NULL AND received_at < ${iso(before)}::timestamptz AND ${isIdentifying}
        ORDER BY received_at LIMIT ${limit}
      ), advanced AS (
        INSERT INTO retention_progress (what, through)
        SELECT ${what}, CASE WHEN count(*) < ${limit} THEN (SELECT before FROM bound) ELSE max(received_at) END FROM chosen
        ON CONFLICT (what) DO UPDATE SET through = greatest(retention_progress.through, excluded.through)
      ), erased AS (
        UPDATE events SET ${erased}
        FROM (SELECT * FROM chosen UNION SELECT * FROM quarantined) AS old
        WHERE events.provider = old.provider AND events.event_id = old.event_id AND events.received_at = old.received_at
        RETURNING 1
      )
      SELECT count(*)::int AS count FROM erased`
    return row?.count ?? 0
  })

/**
 * Recipients and subjects of emails, by their time of creation.
 * Indexes: emails_created_at_id_provider_idx, email_recipients_pkey.
 */
export async function eraseOldEmailAddresses(db: Database, before: number, limit: number): Promise<number> {
  const what = 'email_addresses'
  const [row] = await db.$queryRaw<{ count: number }[]>`
    WITH chosen AS MATERIALIZED (
      SELECT id, provider, created_at FROM emails
      WHERE created_at < ${iso(before)}::timestamptz
        AND created_at >= coalesce((SELECT through FROM retention_progress WHERE what = ${what}), '-infinity')
        AND (subject IS NOT NULL OR array_remove(recipients, ${erasedAddress}) <> '{}')
      ORDER BY created_at LIMIT ${limit} FOR UPDATE
    ), advanced AS (
      INSERT INTO retention_progress (what, through)
      SELECT ${what}, CASE WHEN count(*) < ${limit} THEN ${iso(before)}::timestamptz ELSE max(created_at) END FROM chosen
      ON CONFLICT (what) DO UPDATE SET through = greatest(retention_progress.through, excluded.through)
    ), erased AS (
      UPDATE emails SET
        "to" = array_fill(${erasedAddress}::text, ARRAY[cardinality(recipients)]),
        recipients = array_fill(${erasedAddress}::text, ARRAY[cardinality(recipients)]),
        subject = NULL, erased_at = coalesce(erased_at, now())
      FROM chosen WHERE emails.id = chosen.id AND emails.provider = chosen.provider
      RETURNING 1
    ), erased_recipients AS (
      UPDATE email_recipients SET address = NULL
      FROM chosen WHERE email_recipients.email_id = chosen.id AND email_recipients.provider = chosen.provider
        AND email_recipients.address IS NOT NULL
    )
    SELECT count(*)::int AS count FROM erased`
  return row?.count ?? 0
}

/**
 * Deletes deliveries of webhooks to applications, each with its attempts: those that are over, of before `before`; and of before
 * `pendingBefore` also those that wait, whose events are deleted. Indexes: deliveries_created_at_idx, deliveries_pkey, delivery_attempts_delivery_id_idx.
 */
export async function deleteOldDeliveries(
  db: Database,
  { before, pendingBefore }: { readonly before: number; readonly pendingBefore: number | null },
  limit: number,
): Promise<number> {
  const [row] = await db.$queryRaw<{ count: number }[]>`
    WITH chosen AS MATERIALIZED (
      SELECT id FROM deliveries
      WHERE created_at < ${iso(before)}::timestamptz
        AND (state <> 'pending' OR created_at < ${pendingBefore === null ? '-infinity' : iso(pendingBefore)}::timestamptz)
      ORDER BY created_at LIMIT ${limit}
    ), attempts AS (
      DELETE FROM delivery_attempts WHERE delivery_id = ANY(ARRAY(SELECT id FROM chosen))
    ), deleted AS (
      DELETE FROM deliveries WHERE id = ANY(ARRAY(SELECT id FROM chosen)) RETURNING 1
    )
    SELECT count(*)::int AS count FROM deleted`
  return row?.count ?? 0
}
