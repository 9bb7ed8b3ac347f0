/** Statements on emails that are refused through the fault of the sender or of the email provider. */
import type { FailureReason } from '../domain/failure.ts'
import type { Refusals } from '../domain/refusal-policy.ts'
import type { Database } from './database.ts'
import { Prisma } from './generated/client.ts'
import { joinRecipientDomain, mailboxProviderColumn } from './recipient-domains.ts'

interface RefusalRow {
  readonly reason: FailureReason
  readonly at: string
  readonly refused: number
  readonly reply: string | null
}

interface SettledRow {
  readonly provider: string
  readonly mailbox_provider: string
  readonly settled: number
}

/** Joins the domain that an event is about. One that names no recipient is about its email's, of which the first counts. Index: emails_pkey. */
const joinMailboxProvider = joinRecipientDomain(Prisma.sql`
  CASE WHEN events.recipient IS NULL
    THEN (SELECT recipient_domain FROM emails WHERE emails.id = events.email_id AND emails.provider = events.provider)
    ELSE split_part(events.recipient, '@', 2) END`)

/** One recipient of one email, named by events or not. */
const recipientColumn = Prisma.sql`(events.provider, events.email_id, coalesce(events.recipient, ''))`

/**
 * The refusals since a time, by reason and mailbox provider, in groups of `atLeast` or more. Reads the failures that are the sender's or the
 * email provider's fault, and where there are so many, all events since then.
 */
export async function readRefusals(db: Database, since: Date, atLeast: number): Promise<Refusals[]> {
  const from = Prisma.sql`${since.toISOString()}::timestamptz`
  const refused = await readRefused(db, from, atLeast)
  if (refused.length === 0) return []
  const settled = new Map<string, number>()
  for (const row of await readSettled(db, from)) {
    for (const at of [row.provider, row.mailbox_provider]) settled.set(at, (settled.get(at) ?? 0) + row.settled)
  }
  return refused.map((row) => ({ ...row, settled: settled.get(row.at) ?? 0 }))
}

/**
 * The refused recipients since a time. A delay that ended in a delivery is none, and who had unsubscribed was not refused by a receiver.
 * Indexes: events_faults, events_email_id_provider_idx.
 */
const readRefused = (db: Database, from: Prisma.Sql, atLeast: number): Promise<RefusalRow[]> => db.$queryRaw`
  SELECT events.failure_reason AS reason,
         CASE WHEN events.failure_party = 'provider' OR events.failure_reason = 'provider_refused' THEN events.provider
              ELSE ${mailboxProviderColumn} END AS at,
         count(DISTINCT ${recipientColumn})::int AS refused,
         (array_agg(events.failure_evidence ORDER BY events.received_at DESC)
           FILTER (WHERE events.failure_evidence IS NOT NULL))[1] AS reply
  FROM events ${joinMailboxProvider}
  WHERE events.received_at > ${from} AND events.failure_party IN ('sender', 'provider')
    AND events.quarantined_reason IS NULL AND events.failure_reason <> 'unsubscribed'
    AND (events.failure_outcome = 'failed' OR events.failure_outcome = 'deferred' AND NOT EXISTS (
      SELECT FROM events AS later
      WHERE later.email_id = events.email_id AND later.provider = events.provider AND later.received_at > ${from}
        AND later.type = 'delivered' AND later.recipient IS NOT DISTINCT FROM events.recipient))
  GROUP BY 1, 2
  HAVING count(DISTINCT ${recipientColumn}) >= ${atLeast}`

/**
 * The recipients with an outcome since a time, by provider and mailbox provider, whether or not it is applied yet.
 * Indexes: events_applied, events_pending.
 */
const readSettled = (db: Database, from: Prisma.Sql): Promise<SettledRow[]> => db.$queryRaw`
  SELECT events.provider, ${mailboxProviderColumn} AS mailbox_provider, count(DISTINCT ${recipientColumn})::int AS settled
  FROM (
    SELECT * FROM events WHERE received_at > ${from} AND applied_at IS NOT NULL
    UNION ALL
    SELECT * FROM events WHERE received_at > ${from} AND applied_at IS NULL AND quarantined_reason IS NULL
  ) AS events ${joinMailboxProvider}
  WHERE events.type = 'delivered' OR events.failure_outcome IN ('bounced', 'failed')
     OR events.failure_outcome = 'deferred' AND events.failure_party IN ('sender', 'provider')
  GROUP BY 1, 2`
