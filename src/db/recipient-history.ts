/** Statements that read what is known of one person, over all providers. The caller normalizes the address. */
import { spellingsOf } from '../domain/address.ts'
import type { SubscriptionEventType } from '../domain/events.ts'
import { cappedCount } from './capped-count.ts'
import type { Database } from './database.ts'
import { type EmailPosition, emailOfRow, readEventsByKey, type StoredEvent } from './emails-read.ts'
import { type Email, Prisma, type Suppression } from './generated/client.ts'
import { suppressionColumns, suppressionKeysOf } from './suppressions.ts'

/**
 * Emails to `address` after `after`, newest first.
 * Indexes: email_recipients_address_created_at_idx, emails_pkey.
 */
export async function listEmailsTo(
  db: Database,
  address: string,
  after: EmailPosition | null,
  limit: number,
): Promise<Email[]> {
  const position = after
    ? Prisma.sql`AND (created_at, email_id, provider) < (${after.createdAt}::timestamptz, ${after.id}::text, ${after.provider}::text)`
    : Prisma.empty
  const order = Prisma.sql`ORDER BY created_at DESC, email_id DESC, provider DESC LIMIT ${limit}`
  // One selection per spelling: with `address = ANY`, or by a join, an address with many emails would be read as a whole and sorted.
  const named = spellingsOf(address).map(
    (spelling) =>
      Prisma.sql`(SELECT email_id, provider, created_at FROM email_recipients WHERE address = ${spelling} ${position} ${order})`,
  )
  const rows = await db.$queryRaw<Record<string, unknown>[]>`
    WITH page AS MATERIALIZED (${Prisma.join(named, ' UNION ')} ${named.length > 1 ? order : Prisma.empty})
    SELECT emails.* FROM page JOIN emails ON emails.id = page.email_id AND emails.provider = page.provider
    ORDER BY page.created_at DESC, page.email_id DESC, page.provider DESC`
  return rows.map(emailOfRow)
}

/** The number of emails to `address`, up to the cap. Index: email_recipients_address_created_at_idx. */
export async function countEmailsTo(db: Database, address: string): Promise<number> {
  const emails = cappedCount(Prisma.sql`FROM email_recipients WHERE address = ANY(${spellingsOf(address)})`)
  const [row] = await db.$queryRaw<{ emails: number }[]>`SELECT ${emails} AS emails`
  return row?.emails ?? 0
}

/** An entry of the suppression list with the event that caused it; null if none did, or if it was deleted by age. */
export interface CausedSuppression extends Suppression {
  readonly cause: StoredEvent | null
}

/** More entries than an address has in practice. */
const suppressionLimit = 50

/**
 * The entries of `address` in the suppression list with the events that caused them, active and removed, newest first. Those of an
 * erased person are found by the keyed hash. Indexes: suppressions_address_idx, events_pkey.
 */
export async function readSuppressionsOf(db: Database, address: string): Promise<CausedSuppression[]> {
  const suppressions = await db.$queryRaw<Suppression[]>`
    SELECT ${suppressionColumns} FROM suppressions WHERE address = ANY(${suppressionKeysOf(db, address)})
    ORDER BY created_at DESC, id DESC LIMIT ${suppressionLimit}`
  const keys = suppressions.flatMap(({ provider, eventId: id }) => (provider && id ? [{ provider, id }] : []))
  const events = await readEventsByKey(db, keys)
  return suppressions.map((row) => ({
    ...row,
    cause: events.find(({ provider, eventId }) => provider === row.provider && eventId === row.eventId) ?? null,
  }))
}

/** The last event about a list or stream of messages that a person left or joined. */
export interface Subscription {
  readonly provider: string
  /** Null if the provider names none: all emails. */
  readonly list: string | null
  readonly type: SubscriptionEventType
  readonly occurredAt: Date
  readonly emailId: string
  readonly eventId: string
}

/** The last subscription event of a person for each list, newest first. Index: events_subscriptions. */
export async function readSubscriptionsOf(db: Database, address: string): Promise<Subscription[]> {
  const rows = await db.$queryRaw<Subscription[]>`
    SELECT DISTINCT ON (provider, list) provider, list, type, occurred_at AS "occurredAt", email_id AS "emailId",
           event_id AS "eventId"
    FROM events
    WHERE recipient = ANY(${spellingsOf(address)}) AND type IN ('unsubscribed', 'resubscribed') AND quarantined_reason IS NULL
    ORDER BY provider, list, occurred_at DESC, event_id DESC`
  return rows.toSorted((a, b) => b.occurredAt.getTime() - a.occurredAt.getTime())
}
