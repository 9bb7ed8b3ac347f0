/** Finds emails with an overdue action, which a running workflow would have executed. */
import type { EmailKey } from '../domain/events.ts'
import { incidentProvider } from '../domain/incident.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import type { Database } from './database.ts'
import { isNoticeMissing, noticeValidForMs } from './escalations.ts'
import { Prisma } from './generated/client.ts'

export interface OverdueQuery {
  readonly policy: LifecyclePolicy
  /** The names of the channels that notices are sent through. */
  readonly channels: readonly string[]
  /** Actions that were due before this are overdue; epoch milliseconds. */
  readonly dueBefore: number
  readonly limit: number
}

/** The end of a page. The searches run one after the other, each in its own order. */
export interface OverduePosition {
  readonly search: number
  /** ISO 8601. */
  readonly at: string
  readonly key: string
  readonly provider: string
}

export type OverdueEmail = EmailKey & { readonly recipientDomain: string | null }

interface OverdueRow extends OverdueEmail {
  readonly at: Date
  readonly key: string
}

type Search = (query: OverdueQuery, after: OverduePosition) => Prisma.Sql

const since = ({ dueBefore }: OverdueQuery, ms: number): string => new Date(dueBefore - ms).toISOString()
const isAfter = (columns: Prisma.Sql, { at, key, provider }: OverduePosition): Prisma.Sql =>
  Prisma.sql`(${columns}) > (${at}::timestamptz, ${key}, ${provider})`

const escalated = (reason: string): Prisma.Sql => Prisma.sql`
  EXISTS (SELECT FROM escalations WHERE email_id = emails.id AND provider = emails.provider AND reason = ${reason})`

/** As in domain/delivery-facts.ts: a bounce of versions before 0.5 has no outcome. */
const isUndeliverable = Prisma.sql`(
  failure_outcome IN ('bounced', 'failed') OR (failure_outcome IS NULL AND bounce_class = 'hard'))`

/**
 * Critical emails that failed for good or were complained about without an escalation.
 * Indexes: emails_urgent_failures, escalations_email_id_provider_reason_key.
 */
const urgent: Search = (query, after) => Prisma.sql`
  SELECT id AS "emailId", provider, recipient_domain AS "recipientDomain", greatest(bounced_at, complained_at) AS at, id AS key
  FROM emails
  WHERE priority = 'critical' AND (${isUndeliverable} OR complained_at IS NOT NULL)
    AND greatest(bounced_at, complained_at) > ${since(query, query.policy.giveUpAfterMs)}::timestamptz
    AND greatest(bounced_at, complained_at) < ${since(query, 0)}::timestamptz
    AND ${isAfter(Prisma.sql`greatest(bounced_at, complained_at), id, provider`, after)}
    AND (${isUndeliverable} AND NOT ${escalated('critical_bounce')}
         OR complained_at IS NOT NULL AND NOT ${escalated('critical_complaint')})
  ORDER BY greatest(bounced_at, complained_at), id, provider
  LIMIT ${query.limit}`

/** The emails of escalations (not incidents), ordered by one of their times. Indexes: emails_pkey, and one over that time. */
const ofEscalations = (
  time: Prisma.Sql,
  condition: Prisma.Sql,
  { limit }: OverdueQuery,
  after: OverduePosition,
) => Prisma.sql`
  SELECT found.email_id AS "emailId", found.provider, recipient_domain AS "recipientDomain", found.at, found.key
  FROM (
    SELECT email_id, provider, ${time} AS at, id AS key FROM escalations
    WHERE ${condition} AND provider <> ${incidentProvider} AND (${time}, id) > (${after.at}::timestamptz, ${after.key})
    ORDER BY ${time}, id
    LIMIT ${limit}
  ) AS found LEFT JOIN emails ON emails.id = found.email_id AND emails.provider = found.provider
  ORDER BY found.at, found.key`

/** Notices that a channel did not accept. Indexes: escalations_noticed, notifications_pkey. */
const undelivered: Search = (query, after) =>
  ofEscalations(
    Prisma.sql`noticed_at`,
    Prisma.sql`state <> 'resolved' AND noticed_at > ${since(query, noticeValidForMs)}::timestamptz
      AND noticed_at < ${since(query, 0)}::timestamptz
      AND EXISTS (SELECT FROM unnest(${[...query.channels]}::text[]) AS channels(channel) WHERE ${isNoticeMissing})`,
    query,
    after,
  )

/** Escalations whose next notice is overdue. Index: escalations_next_notice. */
const noticesDue: Search = (query, after) =>
  ofEscalations(
    Prisma.sql`next_notice_at`,
    Prisma.sql`next_notice_at IS NOT NULL AND next_notice_at < ${since(query, 0)}::timestamptz`,
    query,
    after,
  )

/** Open stalls although delivery has settled. Indexes: escalations_unresolved, emails_pkey. */
const settledStalls: Search = (query, after) =>
  ofEscalations(
    Prisma.sql`opened_at`,
    Prisma.sql`state <> 'resolved' AND reason = 'stalled'
      AND opened_at > ${since(query, query.policy.giveUpAfterMs)}::timestamptz
      AND EXISTS (SELECT FROM emails WHERE emails.id = escalations.email_id AND emails.provider = escalations.provider
                  AND settled_received_at < ${since(query, 0)}::timestamptz)`,
    query,
    after,
  )

/**
 * Stalled emails without an escalation, unless they were given up.
 * Indexes: emails_unsettled, escalations_email_id_provider_reason_key.
 */
const stalled: Search = (query, after) => {
  const { critical, normal, bulk } = query.policy.stallAfterMs
  return Prisma.sql`
    SELECT id AS "emailId", provider, recipient_domain AS "recipientDomain", first_received_at AS at, id AS key
    FROM emails
    WHERE settled_received_at IS NULL
      AND first_received_at > ${since(query, query.policy.giveUpAfterMs)}::timestamptz
      AND first_received_at < ${since(query, Math.min(critical, normal, bulk))}::timestamptz
      AND ${isAfter(Prisma.sql`first_received_at, id, provider`, after)}
      AND first_received_at < CASE priority WHEN 'critical' THEN ${since(query, critical)}::timestamptz
                                            WHEN 'bulk' THEN ${since(query, bulk)}::timestamptz
                                            ELSE ${since(query, normal)}::timestamptz END
      AND NOT ${escalated('stalled')}
    ORDER BY first_received_at, id, provider
    LIMIT ${query.limit}`
}

/** The most urgent first. A settled email without pending actions is in none of them. */
const searches: readonly Search[] = [urgent, undelivered, noticesDue, settledStalls, stalled]

const startOf = (search: number): OverduePosition => ({ search, at: '0001-01-01T00:00:00Z', key: '', provider: '' })

/**
 * One page of the emails with an overdue action. Their workflow has lost its timer, or is late (a changed policy, a slow worker).
 * Several searches may find the same email.
 * @param after the end of the previous page; null for the first.
 * @returns at most `limit` emails, and their end; null after the last page.
 */
export async function readOverdueEmails(
  db: Database,
  query: OverdueQuery,
  after: OverduePosition | null,
): Promise<{ emails: OverdueEmail[]; next: OverduePosition | null }> {
  for (let position = after ?? startOf(0); ; ) {
    const { search } = position
    const rows = (await db.$queryRaw(searches[search]?.(query, position) ?? Prisma.sql`SELECT LIMIT 0`)) as OverdueRow[]
    const last = rows.at(-1)
    const isFull = rows.length === query.limit && last !== undefined
    const next = isFull
      ? { search, at: last.at.toISOString(), key: last.key, provider: last.provider }
      : search + 1 < searches.length
        ? startOf(search + 1)
        : null
    if (rows.length > 0 || next === null) {
      return {
        emails: rows.map(({ emailId, provider, recipientDomain }) => ({ emailId, provider, recipientDomain })),
        next,
      }
    }
    position = next
  }
}
