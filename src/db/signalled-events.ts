/** The columns of a stored event that its signal needs, and how they become the event that workflows receive. */
import type { BounceClass, FailureFacts, LifecycleEvent, ReceivedEvent } from '../domain/events.ts'
import { type RecipientKeys, signalledEventOf } from '../domain/received-event.ts'
import type { Database } from './database.ts'
import { Prisma } from './generated/client.ts'

/** A row with {@link signalColumns}. */
export interface SignalRow {
  readonly event_id: string
  readonly type: string
  readonly occurred_at: Date
  readonly received_at: Date
  readonly bounce_class: string | null
  readonly bounce_code: string | null
  readonly failure_reason: string | null
  readonly failure_party: string | null
  /** Null for bounces that versions before 0.5 stored. */
  readonly failure_outcome: string | null
  readonly scheduled_for: Date | null
  readonly human: boolean
  /** Empty except for registrations, whose payload is written by Aftersend. */
  readonly payload: string
  readonly recipient_key: string | null
  readonly to_keys: string[] | null
}

/** The key of the recipient that an event is about: the one that it names, else the email's only one. */
export const keyOfRecipient = (event: string): string => `recipient_key(${event}.provider, ${event}.email_id,
  coalesce(${event}.recipient, CASE WHEN cardinality(${event}."to") = 1 THEN ${event}."to"[1] END))`

/** The keys of the recipients that an event names: the one that it is about, and those that it was sent to if they are others. */
export const recipientKeyColumns = (event: string): string => `${keyOfRecipient(event)} AS recipient_key,
  CASE WHEN cardinality(${event}."to") > 1 OR ${event}."to"[1] <> ${event}.recipient THEN array_remove(ARRAY(
    SELECT recipient_key(${event}.provider, ${event}.email_id, named) FROM unnest(${event}."to") AS named), NULL) END AS to_keys`

/** What the statement that inserts an event returns of its judgement. */
export type InsertedColumns = Pick<SignalRow, 'failure_reason' | 'failure_party' | 'failure_outcome'>

export const insertedColumns = 'failure_reason, failure_party, failure_outcome'

/** A received event that was inserted. Its judgement is taken from the row, since judging takes a tenth of a millisecond. */
export const eventOfInserted = (event: ReceivedEvent, row: InsertedColumns, keys: RecipientKeys): LifecycleEvent =>
  signalledEventOf({
    ...event,
    bounce: {
      class: event.bounce?.class ?? 'hard',
      code: event.bounce?.code ?? null,
      ...(row.failure_outcome !== null && { failure: failureOf(row) }),
    },
    scheduledFor: event.scheduledFor ?? null,
    keys,
  })

/** What a {@link SignalRow} has. @param event the name of the events table or a row of it. */
export const signalColumns = (event: string): string => `${event}.event_id, ${event}.type, ${event}.occurred_at,
  ${event}.received_at, ${event}.bounce_class, ${event}.bounce_code, ${event}.failure_reason, ${event}.failure_party,
  ${event}.failure_outcome, ${event}.scheduled_for, ${event}.human,
  CASE WHEN ${event}.type = 'aftersend.registered' THEN ${event}.payload::text ELSE '' END AS payload,
  ${recipientKeyColumns(event)}`

/** The event in a row, as workflows receive it. */
export const eventOfRow = (row: SignalRow): LifecycleEvent =>
  signalledEventOf({
    id: row.event_id,
    type: row.type,
    occurredAt: row.occurred_at.getTime(),
    receivedAt: row.received_at.getTime(),
    bounce: {
      class: (row.bounce_class ?? 'hard') as BounceClass,
      code: row.bounce_code,
      ...(row.failure_outcome !== null && { failure: failureOf(row) }),
    },
    scheduledFor: row.scheduled_for?.getTime() ?? null,
    human: row.human,
    payload: row.payload,
    keys: { recipient: row.recipient_key, to: row.to_keys },
  })

const failureOf = ({ failure_reason: reason, failure_party: party, failure_outcome: outcome }: InsertedColumns) =>
  ({ reason, party, outcome }) as FailureFacts

/** Stored events, as workflows receive them, in the order of `ids`. Index: events_pkey. */
export async function readSignalledEvents(
  db: Database,
  provider: string,
  ids: readonly string[],
): Promise<LifecycleEvent[]> {
  const rows = await db.$queryRaw<SignalRow[]>`
    SELECT ${Prisma.raw(signalColumns('events'))} FROM events
    WHERE provider = ${provider} AND event_id = ANY(${[...ids]})`
  const byId = new Map(rows.map((row) => [row.event_id, eventOfRow(row)]))
  return ids.map((id) => byId.get(id)).filter((event) => event !== undefined)
}
