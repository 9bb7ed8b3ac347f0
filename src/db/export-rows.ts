/** Reads what is exported of an hour, page by page: short statements, each at its own moment, over keys that do not change. */
import type { Database } from './database.ts'
import { iso } from './epoch-ms.ts'
import { indexedStates } from './exports.ts'
import { Prisma } from './generated/client.ts'
import { joinRecipientDomain, mailboxProviderColumn } from './recipient-domains.ts'

const hourMs = 3_600_000

export interface ExportedEventRow {
  readonly provider: string
  readonly event_id: string
  readonly email_id: string
  readonly to: string[]
  readonly recipient: string | null
  readonly [column: string]: unknown
  readonly received_at: Date
}

/** What is exported of an event: neither its payload nor a text that may name somebody. */
const eventColumns = Prisma.raw(`provider, event_id, email_id, type, occurred_at, received_at, "to", recipient,
  bounce_class, bounce_code, failure_reason, failure_party, failure_is_final, human, machine_reason, list, tags,
  scheduled_for, account, quarantined_reason`)

const eventKey = Prisma.raw('received_at, provider, event_id')

/**
 * The events that were received in an hour, in the order of their receipt. An event that changes its state between two pages is read
 * once all the same. Indexes: events_applied, events_pending, events_quarantined.
 */
export async function* readEventsOf(db: Database, hour: Date, pageSize: number): AsyncGenerator<ExportedEventRow[]> {
  const end = iso(Number(hour) + hourMs)
  let after = { received_at: hour, provider: '', event_id: '' }
  for (;;) {
    const pages = indexedStates.map(
      (state) => Prisma.sql`
        (SELECT ${eventColumns} FROM events
         WHERE ${Prisma.raw(state)} AND received_at >= ${iso(after.received_at)}::timestamptz AND received_at < ${end}::timestamptz
           AND (${eventKey}) > (${iso(after.received_at)}::timestamptz, ${after.provider}, ${after.event_id})
         ORDER BY ${eventKey} LIMIT ${pageSize})`,
    )
    const rows = await db.$queryRaw<ExportedEventRow[]>`
      ${Prisma.join(pages, ' UNION ALL ')} ORDER BY ${eventKey} LIMIT ${pageSize}`
    const last = rows.at(-1)
    if (!last) return
    yield rows
    if (rows.length < pageSize) return
    after = last
  }
}

export interface ExportedRecipientRow {
  readonly key: string
  readonly address: string | null
  readonly domain: string | null
  readonly mailbox_provider: string | null
  /** Whether an event names this recipient alone. */
  readonly is_known_alone: boolean
  readonly [column: string]: unknown
}

export interface ExportedEmailRow {
  readonly id: string
  readonly provider: string
  readonly created_at: Date
  readonly recipients: ExportedRecipientRow[]
  readonly [column: string]: unknown
}

/** What is exported of an email: no subject. Opens and clicks that were judged to be machines' later are not human. */
const emailColumns =
  Prisma.raw(`id, external_id, provider, created_at, updated_at, registered_at, priority, tags, status, delivery, queued_at,
  sending_at, sent_at, delivered_at, bounce_class, bounce_code, bounced_at, failure_reason, failure_party, complained_at,
  scheduled_for, opens_total, opens_human - opens_judged_machine AS opens_human, opens_first_at, opens_last_at, clicks_total,
  clicks_human - clicks_judged_machine AS clicks_human, clicks_first_at, clicks_last_at, cardinality("to") AS recipient_count`)

const recipientsOfEmail = Prisma.sql`
  SELECT coalesce(json_agg(json_build_object(
    'key', key, 'address', address, 'domain', known.domain, 'mailbox_provider', ${mailboxProviderColumn},
    'is_known_alone', first_received_at IS NOT NULL, 'status', status, 'delivery', delivery,
    'delivered_at', delivered_at, 'bounced_at', bounced_at, 'complained_at', complained_at,
    'failure_reason', failure_reason, 'failure_party', failure_party, 'opens_total', opens_total, 'clicks_total', clicks_total
  ) ORDER BY key), '[]')
  FROM email_recipients AS known ${joinRecipientDomain(Prisma.sql`known.domain`)}
  WHERE email_id = emails.id AND known.provider = emails.provider AND key <> ''`

/**
 * The emails that were first stored in an hour, in this order, each with its state of the moment.
 * Indexes: emails_created_at_id_provider_idx, email_recipients_pkey, recipient_domains_pkey.
 */
export async function* readEmailsOf(db: Database, hour: Date, pageSize: number): AsyncGenerator<ExportedEmailRow[]> {
  const end = iso(Number(hour) + hourMs)
  let after = { created_at: hour, id: '', provider: '' }
  for (;;) {
    const rows = await db.$queryRaw<ExportedEmailRow[]>`
      SELECT ${emailColumns}, (${recipientsOfEmail}) AS recipients FROM emails
      WHERE created_at >= ${iso(after.created_at)}::timestamptz AND created_at < ${end}::timestamptz
        AND (created_at, id, provider) > (${iso(after.created_at)}::timestamptz, ${after.id}, ${after.provider})
      ORDER BY created_at, id, provider LIMIT ${pageSize}`
    const last = rows.at(-1)
    if (!last) return
    yield rows
    if (rows.length < pageSize) return
    after = last
  }
}
