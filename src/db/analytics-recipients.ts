/** SQL that yields the recipients of emails, in the form in which analytics counts emails. */
import { Prisma } from './generated/client.ts'
import { joinRecipientDomain, mailboxProviderColumn } from './recipient-domains.ts'

/** Whether a row of emails, or of their recipients, was delivered: reported as such, or proved by a complaint or by a person's action. */
export const hasArrived = (table: string): Prisma.Sql =>
  Prisma.raw(`(${table}.complained_at IS NOT NULL
    OR (${table}.settled_received_at IS NOT NULL AND ${table}.delivery NOT IN ('bounced', 'failed')))`)

const ofEmail = Prisma.sql`
  FROM email_recipients WHERE email_id = emails.id AND email_recipients.provider = emails.provider AND key <> ''`

/** How many recipients an email names, and whether an event distinguishes them. Index: email_recipients_pkey. */
const known = Prisma.sql`
  SELECT count(*)::int AS count, max(domain) AS domain, bool_or(first_received_at IS NOT NULL) AS is_told_apart,
         count(*) FILTER (WHERE ${hasArrived('email_recipients')})::int AS arrived
  ${ofEmail}`

/** The recipients of an email that names several. Index: email_recipients_pkey. */
const named = Prisma.sql`
  SELECT *, row_number() OVER (ORDER BY domain IS DISTINCT FROM emails.recipient_domain, key) = 1 AS is_first
  ${ofEmail} AND known.count > 1`

/** The email's facts are those of its only recipient. Of several that no event distinguishes, they count for the first. */
const isAsEmail = Prisma.sql`(known.count < 2 OR (is_first AND NOT is_told_apart))`

/**
 * A column of a recipient.
 * @param otherwise of a recipient about whom only the email's events tell, and not what one of them may have caused alone.
 */
const columnOf = (column: string, otherwise: Prisma.Sql): Prisma.Sql => Prisma.sql`
  CASE WHEN ${isAsEmail} THEN emails.${Prisma.raw(column)} WHEN is_told_apart THEN named.${Prisma.raw(column)}
       ELSE ${otherwise} END AS ${Prisma.raw(column)}`

/** The same times as the email's, where the recipient has none of its own. */
const timesOf = (...columns: string[]): Prisma.Sql =>
  Prisma.join(
    columns.map((column) =>
      Prisma.raw(`CASE WHEN known.count > 1 AND is_told_apart THEN coalesce(named.${column}, emails.${column})
        ELSE emails.${column} END AS ${column}`),
    ),
  )

/** Opens and clicks of a recipient. Machines and people are distinguished by email: if the email has no human ones, the recipient has none. */
const engagementsOf = (kind: 'opens' | 'clicks'): Prisma.Sql => {
  const [human, judged] = [Prisma.raw(`${kind}_human`), Prisma.raw(`${kind}_judged_machine`)]
  return Prisma.sql`${columnOf(`${kind}_total`, Prisma.sql`0`)}, ${columnOf(`${kind}_human`, Prisma.sql`0`)},
    CASE WHEN ${isAsEmail} THEN emails.${judged} WHEN emails.${human} > emails.${judged} THEN 0
         ELSE coalesce(named.${human}, 0) END AS ${judged}`
}

const isOver = Prisma.sql`emails.delivery IN ('bounced', 'failed')`

/**
 * The facts of an email's recipients: a row each, to be joined laterally with `emails`. Where no event distinguishes several recipients,
 * as in emails of versions before 0.5, a bounce, a complaint, opens and clicks count for the first of them.
 */
const recipientFacts = Prisma.sql`
  SELECT CASE WHEN known.count > 1 THEN named.domain ELSE coalesce(known.domain, emails.recipient_domain) END AS domain,
    ${columnOf('delivery', Prisma.sql`CASE WHEN ${isOver} OR emails.delivery = 'deferred' THEN 'sent' ELSE emails.delivery END`)},
    ${columnOf('settled_received_at', Prisma.sql`CASE WHEN NOT ${isOver} THEN emails.settled_received_at END`)},
    ${columnOf('bounce_class', Prisma.sql`NULL`)}, ${columnOf('complained_at', Prisma.sql`NULL`)},
    ${columnOf('failure_reason', Prisma.sql`NULL`)}, ${columnOf('failure_party', Prisma.sql`NULL`)},
    ${engagementsOf('opens')}, ${engagementsOf('clicks')},
    ${columnOf('delivered_at', Prisma.sql`emails.delivered_at`)}, ${timesOf('queued_at', 'sending_at', 'sent_at')}
  FROM (${known}) AS known LEFT JOIN LATERAL (${named}) AS named ON true`

/** The columns of `emails` that analytics counts. */
const countedColumns = Prisma.raw(
  [
    ...[
      'provider',
      'priority',
      'tags',
      'recipient_domain',
      'created_at',
      'registered_at',
      'registered_as_sent',
      'delivery',
    ],
    ...['settled_received_at', 'bounce_class', 'complained_at', 'queued_at', 'sending_at', 'sent_at', 'delivered_at'],
    ...['opens_total', 'opens_human', 'opens_judged_machine', 'clicks_total', 'clicks_human', 'clicks_judged_machine'],
  ]
    .map((column) => `emails.${column}`)
    .join(', '),
)

/**
 * Emails, each with the numbers of its recipients and of those that it was delivered to, which are those of {@link recipientsOf}.
 * @param emails a query on `emails`.
 */
export const withRecipientCounts = (emails: Prisma.Sql): Prisma.Sql => Prisma.sql`
  SELECT ${countedColumns}, greatest(known.count, 1) AS recipient_count,
    CASE WHEN known.count > 1 AND is_told_apart THEN known.arrived
         ELSE ${hasArrived('emails')}::int
           + greatest(known.count - 1, 0) * (emails.settled_received_at IS NOT NULL AND NOT ${isOver})::int
    END AS delivered_recipient_count
  FROM (${emails}) AS emails CROSS JOIN LATERAL (${known}) AS known`

/**
 * The recipients of emails: a row each, with the columns of `emails` that analytics counts, and the `reason` and `party` of those who
 * bounced or failed. A failure without a judgement, from a version before 0.5, has the reason and the party `unknown`.
 * @param emails a query on `emails`.
 */
export const recipientsOf = (emails: Prisma.Sql): Prisma.Sql => Prisma.sql`
  SELECT recipient.*, emails.provider, emails.priority, emails.created_at, emails.registered_at, emails.registered_as_sent,
    1 AS recipient_count, ${hasArrived('recipient')}::int AS delivered_recipient_count,
    CASE WHEN recipient.delivery IN ('bounced', 'failed') THEN coalesce(recipient.failure_reason, 'unknown') END AS reason,
    CASE WHEN recipient.delivery IN ('bounced', 'failed') THEN coalesce(recipient.failure_party, 'unknown') END AS party,
    ${mailboxProviderColumn} AS mailbox_provider
  FROM (${emails}) AS emails CROSS JOIN LATERAL (${recipientFacts}) AS recipient
  ${joinRecipientDomain(Prisma.sql`recipient.domain`)}`
