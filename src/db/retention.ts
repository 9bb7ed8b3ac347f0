/**
 * Statements that erase by age, a batch at a time. Each remembers how far it has come, so that what is done is not looked
 * at again. Events that wait hold them back: what is not applied yet is not erased.
 */
import { erasedAddress } from '../domain/address.ts'
import { registrationEventType } from '../domain/events.ts'
import type { Database } from './database.ts'
import { Prisma } from './generated/client.ts'

/** Erases everything older than `before` (epoch milliseconds), at most `limit` rows. @returns how many rows it erased. */
export type EraseByAge = (db: Database, before: number, limit: number) => Promise<number>

const iso = (epochMs: number): string => new Date(epochMs).toISOString()

/** The JSON of events as it was signed. A registration's is ours and names nobody. Indexes: events_applied, events_quarantined, events_pending. */
export const eraseOldPayloads: EraseByAge = (db, before, limit) =>
  eraseOldEvents(db, before, limit, {
    what: 'payloads',
    isTelling: Prisma.sql`payload IS NOT NULL AND type <> ${registrationEventType}`,
    erased: Prisma.sql`payload = NULL`,
  })

/** Addresses, subjects and the provider's words in events. Indexes: events_applied, events_quarantined, events_pending. */
export const eraseOldEventAddresses: EraseByAge = (db, before, limit) =>
  eraseOldEvents(db, before, limit, {
    what: 'event_addresses',
    isTelling: Prisma.sql`(recipient IS NOT NULL OR "to" <> '{}' OR subject IS NOT NULL OR bounce_message IS NOT NULL)`,
    erased: Prisma.sql`recipient = NULL, "to" = '{}', subject = NULL, bounce_message = NULL,
      payload = CASE WHEN type = ${registrationEventType} THEN payload END`,
  })

interface OldEvents {
  /** Under which the progress is kept. */
  readonly what: string
  readonly isTelling: Prisma.Sql
  readonly erased: Prisma.Sql
}

const eraseOldEvents = (db: Database, before: number, limit: number, { what, isTelling, erased }: OldEvents) =>
  db.$transaction(async (transaction) => {
    const [row] = await transaction.$queryRaw<{ count: number }[]>`
      WITH bound AS (
        SELECT least(${iso(before)}::timestamptz, (
          SELECT min(received_at) FROM events WHERE applied_at IS NULL AND quarantined_reason IS NULL
        )) AS before
      ), chosen AS MATERIALIZED (
        SELECT provider, event_id, received_at FROM events
        WHERE applied_at IS NOT NULL AND received_at < (SELECT before FROM bound) AND ${isTelling}
          AND received_at >= coalesce((SELECT through FROM retention_progress WHERE what = ${what}), '-infinity')
        ORDER BY received_at LIMIT ${limit}
      ), aside AS MATERIALIZED (
        SELECT provider, event_id, received_at FROM events
        WHERE quarantined_reason IS NOT NULL AND received_at < ${iso(before)}::timestamptz AND ${isTelling}
        ORDER BY received_at LIMIT ${limit}
      ), advanced AS (
        INSERT INTO retention_progress (what, through)
        SELECT ${what}, CASE WHEN count(*) < ${limit} THEN (SELECT before FROM bound) ELSE max(received_at) END FROM chosen
        ON CONFLICT (what) DO UPDATE SET through = greatest(retention_progress.through, excluded.through)
      ), erased AS (
        UPDATE events SET ${erased}
        FROM (SELECT * FROM chosen UNION SELECT * FROM aside) AS old
        WHERE events.provider = old.provider AND events.event_id = old.event_id AND events.received_at = old.received_at
        RETURNING 1
      )
      SELECT count(*)::int AS count FROM erased`
    return row?.count ?? 0
  })

/** Recipients and subjects of emails, by when they were first known. Index: emails_created_at_id_provider_idx. */
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
    )
    SELECT count(*)::int AS count FROM erased`
  return row?.count ?? 0
}
