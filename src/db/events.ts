/** Statements on the events table, which is both inbox and log. */
import type { ReceivedEvent } from '../domain/events.ts'
import { cappedCount } from './capped-count.ts'
import { type Database, statementNameOf } from './database.ts'
import { iso } from './epoch-ms.ts'
import { unresolvedEscalations } from './escalations-read.ts'
import { attemptLimit, leaseMs } from './event-claims.ts'
import { detailColumns, detailsOf } from './event-details.ts'
import type { EventKey } from './event-key.ts'
import { withMonthCreated } from './event-months.ts'
import { Prisma } from './generated/client.ts'
import { type InsertedColumns, insertedColumns } from './signalled-events.ts'

/**
 * A subquery per row reads the email's priority by its key: a join doubles the time of a statement with 20 events, and a plan made
 * on an empty table executes it as a scan.
 */
const insertStatement = `
  INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, "to", recipient, subject,
                      bounce_class, bounce_code, bounce_message, human, payload, quarantined_reason, account,
                      ${detailColumns.join(', ')}, tags, priority, lease_until, attempts)
  SELECT provider, event_id, email_id, type, occurred_at, received_at,
         CASE WHEN recipients = '' THEN '{}' ELSE string_to_array(recipients, ' ') END, recipient, subject,
         bounce_class, bounce_code, bounce_message, human, payload, quarantined_reason, account,
         ${detailColumns.map((column) => `(details).${column}`).join(', ')}, (details).tags,
         coalesce((SELECT CASE emails.priority WHEN 'critical' THEN 0 WHEN 'bulk' THEN 2 ELSE 1 END FROM emails
                   WHERE emails.id = given.email_id AND emails.provider = given.provider), 1),
         CASE WHEN is_claimed THEN now() + ${leaseMs} * interval '1 ms' END, is_claimed::int
  FROM (SELECT *, json_populate_record(NULL::events, details_json) AS details FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[],
              $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bool[], $14::json[], $15::text[], $16::bool[], $17::text[],
              $18::json[])
    AS given(provider, event_id, email_id, type, occurred_at, received_at, recipients, recipient, subject,
             bounce_class, bounce_code, bounce_message, human, payload, quarantined_reason, is_claimed, account, details_json)
    -- Not flattened: the record would be built once for each of its columns.
    OFFSET 0) AS given
  ON CONFLICT DO NOTHING
  RETURNING provider, event_id AS id, priority AS rank, ${insertedColumns}`

/** A newly stored event. */
export interface InsertedEvent extends EventKey, InsertedColumns {
  /** The rank of its email's priority; see `priorityOfRank`. */
  readonly rank: number
}

/**
 * Stores events in one statement. A trigger skips events that were stored before, by their identity (`event_identities`). Uses the
 * pool: every webhook waits for this statement, and Prisma takes about as long for its result as PostgreSQL for executing it.
 * @param events sorted by key: two instances that store the same events in different orders could deadlock.
 * @param isClaimed whether to claim an event for the caller, who then signals it.
 * @returns the new events. Indexes: events_pkey, emails_pkey.
 */
export async function insertEvents(
  db: Database,
  events: readonly ReceivedEvent[],
  isClaimed: (event: ReceivedEvent) => boolean = () => true,
): Promise<InsertedEvent[]> {
  const statement = {
    name: statementNameOf(insertStatement),
    text: insertStatement,
    values: [
      events.map((event) => event.provider),
      events.map((event) => event.id),
      events.map((event) => event.emailId),
      events.map((event) => event.type),
      events.map((event) => iso(event.occurredAt)),
      events.map((event) => iso(event.receivedAt)),
      events.map((event) => event.to.join(' ')),
      events.map((event) => event.recipient),
      events.map((event) => event.subject),
      events.map((event) => event.bounce?.class ?? null),
      events.map((event) => event.bounce?.code ?? null),
      events.map((event) => event.bounce?.message ?? null),
      events.map((event) => event.human),
      events.map((event) => event.payload),
      events.map((event) => event.quarantinedReason ?? null),
      events.map(isClaimed),
      events.map((event) => event.account ?? null),
      events.map(detailsOf),
    ],
  }
  const { rows } = await withMonthCreated(db, () => db.pool.query<InsertedEvent>(statement))
  return rows
}

/** Quarantines events at once, with the reason. Index: events_pkey. */
export const quarantineEvents = (
  db: Database,
  provider: string,
  ids: readonly string[],
  reason: string,
): Promise<{ provider: string; type: string }[]> => db.$queryRaw`
  UPDATE events SET quarantined_reason = ${reason}, attempts = ${attemptLimit}
  WHERE provider = ${provider} AND event_id = ANY(${[...ids]}) AND applied_at IS NULL AND quarantined_reason IS NULL
  RETURNING provider, type`

/** Pending events, the oldest first. Index: events_pending. */
const pendingEvents = Prisma.sql`
  FROM events WHERE applied_at IS NULL AND quarantined_reason IS NULL ORDER BY received_at`

const oldestSeconds = Prisma.sql`
  coalesce((SELECT extract(epoch FROM now() - received_at) ${pendingEvents} LIMIT 1), 0)::float8`

/** Counts of pending events and unresolved escalations, see {@link cappedCount}, and the age of the oldest event. Indexes: events_pending, escalations_unresolved. */
export async function readInboxFigures(
  db: Database,
): Promise<{ pending: number; oldestSeconds: number; escalationsOpen: number }> {
  const [figures] = await db.$queryRaw<{ pending: number; oldest_seconds: number; escalations_open: number }[]>`
    SELECT ${cappedCount(pendingEvents)} AS pending, ${oldestSeconds} AS oldest_seconds,
           ${unresolvedEscalations} AS escalations_open`
  return {
    pending: figures?.pending ?? 0,
    oldestSeconds: Math.max(0, figures?.oldest_seconds ?? 0),
    escalationsOpen: figures?.escalations_open ?? 0,
  }
}

/** The age of the oldest pending event in seconds; 0 if there is none. Reads one row. Index: events_pending. */
export async function readOldestPendingSeconds(db: Database): Promise<number> {
  const [row] = await db.$queryRaw<{ seconds: number }[]>`SELECT ${oldestSeconds} AS seconds`
  return Math.max(0, row?.seconds ?? 0)
}

/** The IDs of those events that are not applied. Index: events_pkey. */
export async function readUnappliedIds(db: Database, provider: string, ids: readonly string[]): Promise<string[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT event_id AS id FROM events
    WHERE provider = ${provider} AND event_id = ANY(${[...ids]}) AND applied_at IS NULL`
  return rows.map((row) => row.id)
}
