/** Statements that erase a person: what names them goes, what is counted stays. docs/privacy.md tells it to people. */
import { erasedAddress } from '../domain/address.ts'
import { registrationEventType } from '../domain/events.ts'
import type { Database } from './database.ts'
import { erasedKeyOf } from './erased-address.ts'
import { noteErasureKey } from './erasure-key.ts'
import { Prisma } from './generated/client.ts'

/** What was changed by one call. */
export interface Erasure {
  readonly emails: number
  readonly events: number
  /** Entries of the suppression list that are kept under a keyed hash now. */
  readonly suppressions: number
  /** Events that wait: they are erased as they are applied. */
  readonly pending: number
  /** False: there is more, and the call is to be repeated. */
  readonly isComplete: boolean
}

type Transaction = Pick<Database, '$queryRaw' | '$executeRaw'>

/**
 * Erases `address` (normalized) from emails, events and the suppression list, at most `limit` emails and as many events
 * beside theirs. Repeating it is harmless.
 * @throws if the database has no key for erasures.
 */
export async function eraseRecipient(db: Database, address: string, limit: number): Promise<Erasure> {
  const { erasureKey } = db
  const key = erasedKeyOf(db, address)
  if (erasureKey === null || key === null) throw new Error('erasing wants a key')
  return db.$transaction(async (transaction) => {
    await noteErasureKey(transaction, erasureKey)
    const pending = await hideUnapplied(transaction, address)
    const mail = await eraseFromEmails(transaction, address, limit)
    const others = await eraseFromEvents(transaction, address, limit)
    return {
      emails: mail.emails,
      events: mail.events + others,
      suppressions: await hashSuppressions(transaction, address, key),
      pending,
      isComplete: mail.emails < limit && others < limit,
    }
  })
}

/**
 * An event that is not applied yet keeps its recipient until then, since a suppression may have to follow from it. Its
 * email is marked, and the save that applies the event erases it. Index: events_pending or events_waiting.
 * @returns how many wait.
 */
async function hideUnapplied(db: Transaction, address: string): Promise<number> {
  const [row] = await db.$queryRaw<{ pending: number }[]>`
    WITH about AS (
      SELECT provider, email_id, "to", received_at FROM events
      WHERE applied_at IS NULL AND quarantined_reason IS NULL
        AND (recipient = ${address} OR "to" @> ARRAY[${address}]::text[])
    ), email AS (
      SELECT DISTINCT ON (email_id, provider) email_id, provider, received_at,
             CASE WHEN "to" = '{}' THEN ARRAY[${erasedAddress}] ELSE array_replace("to", ${address}, ${erasedAddress}) END AS "to"
      FROM about ORDER BY email_id, provider, cardinality("to") DESC
    ), marked AS (
      INSERT INTO emails AS kept (id, provider, "to", recipients, recipient_domain, first_received_at, erased_at)
      SELECT email_id, provider, "to", "to", split_part(${address}, '@', 2), received_at, now() FROM email
      ON CONFLICT (id, provider) DO UPDATE SET erased_at = coalesce(kept.erased_at, now())
    )
    SELECT count(*)::int AS pending FROM about`
  return row?.pending ?? 0
}

/** Whatever an event tells of the person, or may tell of them: its payload names everybody that the email went to. */
const erasedEvent = (address: string): Prisma.Sql => Prisma.sql`
  "to" = array_replace("to", ${address}, ${erasedAddress}), recipient = nullif(recipient, ${address}), subject = NULL,
  bounce_message = CASE WHEN recipient <> ${address} THEN bounce_message END,
  payload = CASE WHEN type = ${registrationEventType} THEN payload END`

/**
 * Emails that went to the person, with all their events. `erased` stands in the person's place, so that an email to
 * several stays one. The subject goes when nobody else is left. Indexes: emails_recipients_idx, events_email_id_provider_idx.
 */
async function eraseFromEmails(db: Transaction, address: string, limit: number) {
  const [row] = await db.$queryRaw<{ emails: number; events: number }[]>`
    WITH chosen AS MATERIALIZED (
      SELECT id, provider FROM emails WHERE recipients @> ARRAY[${address}]::text[] LIMIT ${limit} FOR UPDATE
    ), erased AS (
      UPDATE emails SET
        "to" = (SELECT array_agg(CASE WHEN person = ${address} THEN ${erasedAddress} ELSE written END ORDER BY place)
                FROM unnest("to", recipients) WITH ORDINALITY AS recipient(written, person, place)),
        recipients = array_replace(recipients, ${address}, ${erasedAddress}),
        subject = CASE WHEN array_remove(array_remove(recipients, ${address}), ${erasedAddress}) <> '{}' THEN subject END,
        erased_at = coalesce(erased_at, now()), updated_at = now()
      FROM chosen WHERE emails.id = chosen.id AND emails.provider = chosen.provider
      RETURNING emails.id, emails.provider
    ), erased_events AS (
      UPDATE events SET ${erasedEvent(address)} FROM erased
      WHERE events.email_id = erased.id AND events.provider = erased.provider
        AND (applied_at IS NOT NULL OR quarantined_reason IS NOT NULL)
      RETURNING 1
    )
    SELECT (SELECT count(*)::int FROM erased) AS emails, (SELECT count(*)::int FROM erased_events) AS events`
  return row ?? { emails: 0, events: 0 }
}

/**
 * Events about the person beside those: of an email that is not known to have gone to them, or that was put aside. Their
 * emails are marked, for what still comes. Indexes: events_recipient, events_quarantined, events_pkey, emails_pkey.
 */
async function eraseFromEvents(db: Transaction, address: string, limit: number): Promise<number> {
  const [row] = await db.$queryRaw<{ events: number }[]>`
    WITH about AS MATERIALIZED (
      (SELECT provider, event_id, email_id FROM events
       WHERE recipient = ${address} AND applied_at IS NOT NULL LIMIT ${limit})
      UNION
      (SELECT provider, event_id, email_id FROM events
       WHERE quarantined_reason IS NOT NULL AND (recipient = ${address} OR "to" @> ARRAY[${address}]::text[])
       LIMIT ${limit})
    ), marked AS (
      UPDATE emails SET erased_at = now() FROM (SELECT DISTINCT email_id, provider FROM about) AS email
      WHERE emails.id = email.email_id AND emails.provider = email.provider AND erased_at IS NULL
    ), erased AS (
      UPDATE events SET ${erasedEvent(address)} FROM about
      WHERE events.provider = about.provider AND events.event_id = about.event_id
      RETURNING 1
    )
    SELECT count(*)::int AS events FROM erased`
  return row?.events ?? 0
}

/** The list keeps the keyed hash in the address's place; what is there under it already stays. Index: suppressions_address_idx. */
async function hashSuppressions(db: Transaction, address: string, key: string): Promise<number> {
  await db.$executeRaw`
    DELETE FROM suppressions USING suppressions AS kept
    WHERE suppressions.address = ${address} AND kept.address = ${key}
      AND (suppressions.removed_at IS NULL AND kept.removed_at IS NULL
           OR suppressions.provider = kept.provider AND suppressions.event_id = kept.event_id)`
  return db.$executeRaw`UPDATE suppressions SET address = ${key}, note = NULL, removal_note = NULL WHERE address = ${address}`
}
