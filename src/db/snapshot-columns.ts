/** The columns of a snapshot, in emails and email_recipients. */
import { type DeliveryFacts, noFacts } from '../domain/delivery-facts.ts'
import type { FailureFacts } from '../domain/events.ts'
import { deliveryOf, recipientStateOf, recipientsOf, type Snapshot, statusOf } from '../domain/lifecycle.ts'
import { epochMsOf, isoOrNull } from './epoch-ms.ts'
import type { Email, EmailRecipient } from './generated/client.ts'

const deliveryColumns = [
  'status',
  'delivery',
  'queued_at',
  'sending_at',
  'sent_at',
  'delivered_at',
  'bounce_class',
  'bounce_code',
  'bounced_at',
  'bounce_event_id',
  'failure_reason',
  'failure_party',
  'failure_outcome',
  'complained_at',
  'opens_total',
  'opens_human',
  'opens_first_at',
  'opens_last_at',
  'clicks_total',
  'clicks_human',
  'clicks_first_at',
  'clicks_last_at',
  'first_received_at',
  'settled_received_at',
] as const

/** Of email_recipients: what is known of one recipient. */
export const recipientColumns: readonly string[] = deliveryColumns

/** Of emails: those that only the workflow writes. */
export const foldedColumns: readonly string[] = [...deliveryColumns, 'scheduled_for']

/** Of emails: the whole snapshot. */
export const snapshotColumns: readonly string[] = [
  'priority',
  'priority_named_at',
  'registered_at',
  'registered_as_sent',
  ...foldedColumns,
]

type Columns = Readonly<Record<string, string | number | boolean | null>>

/** The lifecycle columns of the emails table, as JSON for `json_populate_record`. */
export const columnsOf = (snapshot: Snapshot): Columns => ({
  priority: snapshot.priority,
  priority_named_at: isoOrNull(snapshot.priorityNamedAt),
  registered_at: isoOrNull(snapshot.registeredAt),
  registered_as_sent: snapshot.registeredAsSent,
  scheduled_for: isoOrNull(snapshot.scheduledFor ?? null),
  status: statusOf(snapshot),
  delivery: deliveryOf(snapshot),
  ...deliveryColumnsOf(snapshot),
})

/**
 * The rows of recipients, as JSON for `json_populate_recordset`. Status and delivery are derived, and so may change with what other
 * events say of the email; the other columns are the fold of the events that name the recipient.
 * @param keys of those to store. Default: all.
 */
export function recipientRowsOf(snapshot: Snapshot, keys?: readonly string[]): Columns[] {
  const recipients = recipientsOf(snapshot)
  return (keys ?? Object.keys(recipients)).map((key) => {
    const { status, delivery } = recipientStateOf(snapshot, key)
    return { key, status, delivery, ...deliveryColumnsOf(recipients[key] ?? noFacts) }
  })
}

const deliveryColumnsOf = (facts: DeliveryFacts): Columns => ({
  queued_at: isoOrNull(facts.queuedAt),
  sending_at: isoOrNull(facts.sendingAt),
  sent_at: isoOrNull(facts.sentAt),
  delivered_at: isoOrNull(facts.deliveredAt),
  bounce_class: facts.bounce?.class ?? null,
  bounce_code: facts.bounce?.code ?? null,
  bounced_at: isoOrNull(facts.bounce?.at ?? null),
  bounce_event_id: facts.bounce?.eventId ?? null,
  failure_reason: facts.bounce?.failure?.reason ?? null,
  failure_party: facts.bounce?.failure?.party ?? null,
  failure_outcome: facts.bounce?.failure?.outcome ?? null,
  complained_at: isoOrNull(facts.complainedAt),
  opens_total: facts.opens.total,
  opens_human: facts.opens.human,
  opens_first_at: isoOrNull(facts.opens.firstAt),
  opens_last_at: isoOrNull(facts.opens.lastAt),
  clicks_total: facts.clicks.total,
  clicks_human: facts.clicks.human,
  clicks_first_at: isoOrNull(facts.clicks.firstAt),
  clicks_last_at: isoOrNull(facts.clicks.lastAt),
  first_received_at: isoOrNull(facts.firstReceivedAt),
  settled_received_at: isoOrNull(facts.settledReceivedAt),
})

/**
 * The snapshot in a row of emails, as `saveSnapshot` stores it.
 * @param recipients the email's rows of email_recipients. Without them, its recipients are not distinguished.
 */
export function snapshotOf(row: Email, recipients: readonly EmailRecipient[] = []): Snapshot {
  // Rows of versions before 0.5 have no facts: their events are known of the email alone.
  const hasRecipientFacts = row.firstReceivedAt === null || recipients.some((known) => known.firstReceivedAt !== null)
  return {
    registeredAt: epochMsOf(row.registeredAt),
    registeredAsSent: row.registeredAsSent,
    priority: row.priority as Snapshot['priority'],
    priorityNamedAt: epochMsOf(row.priorityNamedAt),
    ...(row.scheduledFor && { scheduledFor: row.scheduledFor.getTime() }),
    ...deliveryFactsIn(row),
    ...(hasRecipientFacts &&
      recipients.length > 0 && {
        recipients: Object.fromEntries(recipients.map((known) => [known.key, deliveryFactsIn(known)])),
      }),
  }
}

/** The columns that emails and email_recipients have in common. */
type DeliveryRow = Pick<Email, keyof Email & keyof EmailRecipient>

const deliveryFactsIn = (row: DeliveryRow): DeliveryFacts => ({
  queuedAt: epochMsOf(row.queuedAt),
  sendingAt: epochMsOf(row.sendingAt),
  sentAt: epochMsOf(row.sentAt),
  deliveredAt: epochMsOf(row.deliveredAt),
  bounce: bounceIn(row),
  complainedAt: epochMsOf(row.complainedAt),
  opens: {
    total: row.opensTotal,
    human: row.opensHuman,
    firstAt: epochMsOf(row.opensFirstAt),
    lastAt: epochMsOf(row.opensLastAt),
  },
  clicks: {
    total: row.clicksTotal,
    human: row.clicksHuman,
    firstAt: epochMsOf(row.clicksFirstAt),
    lastAt: epochMsOf(row.clicksLastAt),
  },
  firstReceivedAt: epochMsOf(row.firstReceivedAt),
  settledReceivedAt: epochMsOf(row.settledReceivedAt),
})

function bounceIn(row: DeliveryRow): DeliveryFacts['bounce'] {
  const { bounceClass, bouncedAt, bounceEventId } = row
  if (bounceClass === null || bouncedAt === null || bounceEventId === null) return null
  const failure = storedFailureOf(row)
  return {
    class: bounceClass === 'soft' ? 'soft' : 'hard',
    code: row.bounceCode,
    at: bouncedAt.getTime(),
    eventId: bounceEventId,
    ...(failure && { failure }),
  }
}

/** A judgement as events, emails and recipients store it. */
type StoredFailure = Pick<DeliveryRow, 'failureReason' | 'failureParty' | 'failureOutcome'>

/** The stored judgement as workflows receive it; undefined if none is stored, as for events of versions before 0.5. */
export function storedFailureOf(stored: StoredFailure): FailureFacts | undefined {
  const { failureReason: reason, failureParty: party, failureOutcome: outcome } = stored
  if (reason === null || party === null || outcome === null) return undefined
  return { reason, party, outcome } as FailureFacts
}
