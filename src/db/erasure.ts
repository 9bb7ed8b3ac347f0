/** Statements that erase a person: data that identifies the person is deleted, counts stay. docs/privacy.md describes it. */
import { erasedAddress, spellingsOf } from '../domain/address.ts'
import { registrationEventType } from '../domain/events.ts'
import type { Database } from './database.ts'
import { iso } from './epoch-ms.ts'
import { erasedKeyOf } from './erased-address.ts'
import { recordErasureKey } from './erasure-key.ts'
import { recordErasure, recordSearch } from './erasures.ts'
import { hoursOf, markForExport } from './export-marks.ts'
import { Prisma } from './generated/client.ts'
import { eraseNextMentions } from './mentions.ts'
import { unlessNaming, withoutNaming } from './own-ids.ts'
import { erasedFingerprint } from './sendings.ts'

/** The changes of one call. */
export interface Erasure {
  readonly emails: number
  readonly events: number
  /** Entries of the suppression list that were replaced by a keyed hash. */
  readonly suppressions: number
  /** Pending events, which are erased when they are applied. */
  readonly pending: number
  /** If false, the call must be repeated. */
  readonly isComplete: boolean
}

type Transaction = Pick<Database, '$queryRaw' | '$executeRaw'>

/** Events of each state: few, since a payload may have 20 times the usual size. */
const searchBatch = 1_000

/** A call starts no further batch after it, so that it ends within the deadline of a request. */
const searchMs = 600

/** An event is stored a moment after the time of its receipt. */
const searchOverlapMs = 60_000

/**
 * Erases `address` (normalized) from emails, their recipients, events and the suppression list, and then, over several calls, from
 * events of others that mention it: at most `limit` emails with their events, and `limit` other events, in a call. Idempotent. Records
 * it in the ledger.
 * @throws if the database has no key for erasures.
 */
export async function eraseRecipient(db: Database, address: string, limit: number): Promise<Erasure> {
  const { own, key, searchedThrough } = await db.$transaction(async (transaction) => {
    const key = await recordUse(transaction, db, address)
    const searchedThrough = await recordErasure(transaction, key, db.project)
    const own = await eraseSpellings(transaction, address, key, { limit, before: null })
    return { own, key, searchedThrough }
  })
  if (!own.isComplete) return own
  const startedAt = Date.now()
  let [events, after, isComplete] = [own.events, searchedThrough, false]
  let pendingSince = Number.POSITIVE_INFINITY
  while (!isComplete && Date.now() - startedAt < searchMs) {
    const searched = await eraseNextMentions(db, address, { after, limit: searchBatch })
    events += searched.events
    // A pending event may be quarantined instead of applied: a later call then erases it.
    pendingSince = Math.min(pendingSince, searched.pendingSince?.getTime() ?? pendingSince)
    after = searched.through ?? new Date(Math.min(startedAt - searchOverlapMs, pendingSince - 1))
    isComplete = searched.through === null
    await recordSearch(db, key, after)
  }
  return { ...own, events, isComplete }
}

/**
 * Erases what was stored of `address` before `before`, except for mentions in the events of others: to erase a person again in a restored
 * database. Later data belongs to a person who came back. At most `limit` emails with their events, and `limit` other events.
 */
export const eraseStoredBefore = (db: Database, address: string, before: Date, limit: number): Promise<Erasure> =>
  db.$transaction(async (transaction) => {
    const key = await recordUse(transaction, db, address)
    return eraseSpellings(transaction, address, key, { limit, before })
  })

/** @returns the keyed hash of the address. */
async function recordUse(transaction: Transaction, db: Database, address: string): Promise<string> {
  const key = erasedKeyOf(db, address)
  if (db.erasureKey === null || key === null) throw new Error('erasing a person requires ERASURE_KEY')
  await recordErasureKey(transaction, db.erasureKey)
  return key
}

interface Extent {
  readonly limit: number
  /** Null for all data. */
  readonly before: Date | null
}

async function eraseSpellings(db: Transaction, address: string, key: string, extent: Extent): Promise<Erasure> {
  let total: Erasure = { emails: 0, events: 0, suppressions: 0, pending: 0, isComplete: true }
  for (const spelling of spellingsOf(address)) total = sumOf(total, await eraseSpelling(db, spelling, key, extent))
  return total
}

async function eraseSpelling(db: Transaction, address: string, key: string, extent: Extent): Promise<Erasure> {
  const pending = await markPending(db, address, extent)
  const own = await eraseFromEmails(db, address, extent)
  const recipients = await eraseFromRecipients(db, address, extent)
  const others = await eraseFromEvents(db, address, extent)
  return {
    emails: own.emails,
    events: own.events + others,
    suppressions: await hashSuppressions(db, address, key, extent),
    pending,
    isComplete: Math.max(own.emails, recipients, others) < extent.limit,
  }
}

/** Data that was stored in time. */
const isWithin = (column: string, { before }: Extent): Prisma.Sql =>
  before === null ? Prisma.sql`true` : Prisma.sql`${Prisma.raw(column)} < ${iso(before)}::timestamptz`

const sumOf = (a: Erasure, b: Erasure): Erasure => ({
  emails: a.emails + b.emails,
  events: a.events + b.events,
  suppressions: a.suppressions + b.suppressions,
  pending: a.pending + b.pending,
  isComplete: a.isComplete && b.isComplete,
})

/**
 * Marks the emails of pending events. A pending event keeps its recipient, since it may cause a suppression; the save that
 * applies it erases it. Index: events_pending or events_waiting.
 * @returns the number of pending events.
 */
async function markPending(db: Transaction, address: string, extent: Extent): Promise<number> {
  const [row] = await db.$queryRaw<{ pending: number }[]>`
    WITH about AS (
      SELECT provider, email_id, "to", received_at FROM events
      WHERE applied_at IS NULL AND quarantined_reason IS NULL AND ${isWithin('received_at', extent)}
        AND (recipient = ${address} OR "to" @> ARRAY[${address}]::text[])
    ), email AS (
      SELECT DISTINCT ON (email_id, provider) email_id, provider, received_at,
             CASE WHEN "to" = '{}' THEN ARRAY[${erasedAddress}] ELSE array_replace("to", ${address}, ${erasedAddress}) END AS "to"
      FROM about ORDER BY email_id, provider, cardinality("to") DESC
    ), marked AS (
      INSERT INTO emails AS existing (id, provider, "to", recipients, recipient_domain, first_received_at, erased_at)
      SELECT email_id, provider, "to", "to", split_part(${address}, '@', 2), received_at, now() FROM email
      ON CONFLICT (id, provider) DO UPDATE SET erased_at = coalesce(existing.erased_at, now())
    )
    SELECT count(*)::int AS pending FROM about`
  return row?.pending ?? 0
}

/** Assignments that erase the person from an event. The payload goes, since it may name all recipients. */
const erasedEvent = (address: string): Prisma.Sql => Prisma.sql`
  "to" = array_replace("to", ${address}, ${erasedAddress}), recipient = nullif(recipient, ${address}), subject = NULL,
  bounce_message = CASE WHEN recipient <> ${address} THEN bounce_message END,
  response = CASE WHEN recipient <> ${address} THEN response END,
  external_id = ${unlessNaming(address)}, metadata = NULL,
  payload = CASE WHEN type = ${registrationEventType} THEN payload END`

/**
 * Erases the person from emails and all their events. `erased` replaces the address, so that the number of recipients stays. Subject
 * and metadata are erased if no other recipient remains, or they name the address.
 * Indexes: email_recipients_address_created_at_idx, emails_pkey, events_email_id_provider_idx, sendings_email.
 */
async function eraseFromEmails(db: Transaction, address: string, extent: Extent) {
  const [row] = await db.$queryRaw<{ emails: number; events: number }[]>`
    WITH chosen AS MATERIALIZED (
      SELECT id, provider, array_remove(array_remove(recipients, ${address}), ${erasedAddress}) <> '{}' AS has_others FROM emails
      WHERE id = ANY(ARRAY(SELECT email_id FROM email_recipients WHERE address = ${address}))
        AND recipients @> ARRAY[${address}]::text[] AND ${isWithin('created_at', extent)} LIMIT ${extent.limit} FOR UPDATE
    ), erased AS (
      UPDATE emails SET
        "to" = (SELECT array_agg(CASE WHEN person = ${address} THEN ${erasedAddress} ELSE written END ORDER BY position)
                FROM unnest("to", recipients) WITH ORDINALITY AS recipient(written, person, position)),
        recipients = array_replace(recipients, ${address}, ${erasedAddress}),
        subject = CASE WHEN has_others AND strpos(lower(subject), ${address}) = 0 THEN subject END,
        ${withoutNaming(address, Prisma.sql`has_others`)},
        erased_at = coalesce(erased_at, now()), updated_at = now()
      FROM chosen WHERE emails.id = chosen.id AND emails.provider = chosen.provider
      RETURNING emails.id, emails.provider, emails.created_at
    ), marked AS (${markForExport(hoursOf('erased'))}
    ), erased_events AS (
      UPDATE events SET ${erasedEvent(address)} FROM erased
      WHERE events.email_id = erased.id AND events.provider = erased.provider
        AND (applied_at IS NOT NULL OR quarantined_reason IS NOT NULL OR type = ${registrationEventType})
      RETURNING 1
    ), erased_sendings AS (
      UPDATE sendings SET fingerprint = ${erasedFingerprint}, external_id = ${unlessNaming(address)} FROM erased
      WHERE sendings.email_id = erased.id AND sendings.provider = erased.provider
    )
    SELECT (SELECT count(*)::int FROM erased) AS emails, (SELECT count(*)::int FROM erased_events) AS events`
  return row ?? { emails: 0, events: 0 }
}

/** Their facts stay, without the address. Indexes: email_recipients_address_created_at_idx, emails_pkey. */
const eraseFromRecipients = (db: Transaction, address: string, extent: Extent): Promise<number> =>
  db.$executeRaw`
    WITH chosen AS MATERIALIZED (
      -- The others are how the next call finds their emails.
      SELECT email_id, provider, key FROM email_recipients AS known
      WHERE address = ${address} AND ${isWithin('created_at', extent)} AND NOT EXISTS (
        SELECT FROM emails WHERE id = known.email_id AND emails.provider = known.provider
          AND recipients @> ARRAY[${address}]::text[])
      LIMIT ${extent.limit}
    ), marked AS (${markForExport(hoursOf('chosen JOIN emails ON id = email_id AND emails.provider = chosen.provider'))}
    )
    UPDATE email_recipients SET address = NULL FROM chosen
    WHERE email_recipients.email_id = chosen.email_id AND email_recipients.provider = chosen.provider
      AND email_recipients.key = chosen.key`

/**
 * Erases the person from other events: those of emails without this recipient, and quarantined ones. Marks their emails, for later
 * events. Indexes: events_recipient, events_quarantined, events_pkey, emails_pkey.
 */
async function eraseFromEvents(db: Transaction, address: string, extent: Extent): Promise<number> {
  const [row] = await db.$queryRaw<{ events: number }[]>`
    WITH about AS MATERIALIZED (
      (SELECT provider, event_id, email_id FROM events
       WHERE recipient = ${address} AND applied_at IS NOT NULL AND ${isWithin('received_at', extent)} LIMIT ${extent.limit})
      UNION
      (SELECT provider, event_id, email_id FROM events
       WHERE quarantined_reason IS NOT NULL AND (recipient = ${address} OR "to" @> ARRAY[${address}]::text[])
         AND ${isWithin('received_at', extent)}
       LIMIT ${extent.limit})
    ), marked AS (
      UPDATE emails SET erased_at = coalesce(erased_at, now()), ${withoutNaming(address, Prisma.sql`true`)}
      FROM (SELECT DISTINCT email_id, provider FROM about) AS email
      WHERE emails.id = email.email_id AND emails.provider = email.provider
    ), erased AS (
      UPDATE events SET ${erasedEvent(address)} FROM about
      WHERE events.provider = about.provider AND events.event_id = about.event_id
      RETURNING 1
    )
    SELECT count(*)::int AS events FROM erased`
  return row?.events ?? 0
}

/** Replaces the address by its keyed hash; an entry that exists under the hash stays. Index: suppressions_address_idx. */
async function hashSuppressions(db: Transaction, address: string, key: string, extent: Extent): Promise<number> {
  await db.$executeRaw`
    DELETE FROM suppressions USING suppressions AS hashed
    WHERE suppressions.address = ${address} AND hashed.address = ${key} AND hashed.project = suppressions.project
      AND ${isWithin('suppressions.created_at', extent)}
      AND (suppressions.removed_at IS NULL AND hashed.removed_at IS NULL
           OR suppressions.provider = hashed.provider AND suppressions.event_id = hashed.event_id)`
  return db.$executeRaw`
    UPDATE suppressions SET address = ${key}, note = NULL, removal_note = NULL
    WHERE address = ${address} AND ${isWithin('created_at', extent)}`
}
