/** Statements on the deliveries of webhooks to applications: what is due, what became of it, and what is sent again. */
import { randomUUID } from 'node:crypto'
import { testSentType } from '../domain/endpoint.ts'
import type { EndpointHealth } from '../domain/endpoint-health.ts'
import { type Database, statementNameOf } from './database.ts'
import { iso, isoOrNull } from './epoch-ms.ts'
import { Prisma } from './generated/client.ts'

type Json = Readonly<Record<string, unknown>>

/** A delivery with what its payload is made of. Columns of what it does not refer to, or what is deleted or erased since, are null. */
export interface DueDelivery {
  readonly id: string
  readonly messageId: string
  readonly lane: string
  readonly type: string
  readonly project: string
  readonly attempts: number
  readonly createdAt: Date
  readonly provider: string | null
  readonly emailId: string | null
  readonly eventId: string | null
  /** What the application knows the email by: its own ID and metadata belong here. */
  readonly identity: Json
  readonly emailState: Json | null
  readonly subjectState: Json | null
  readonly to: readonly string[] | null
  readonly subject: string | null
  readonly tags: readonly string[] | null
  /** The stored event, in the columns of `events`. */
  readonly event: Json | null
  readonly escalationId: string | null
  readonly escalationDetail: string | null
  readonly suppressionId: string | null
  readonly suppressedAddress: string | null
}

/** The columns of an event that a payload may have. Without the provider's own payload. */
const eventColumns = `'id', event.event_id, 'type', event.type, 'occurred_at', event.occurred_at, 'received_at', event.received_at,
  'recipient', coalesce(event.recipient, CASE WHEN cardinality(email.recipients) = 1 THEN email.recipients[1] END), 'human', event.human,
  'bounce_class', event.bounce_class, 'bounce_code', event.bounce_code, 'bounce_message', event.bounce_message,
  'failure_reason', event.failure_reason, 'failure_party', event.failure_party, 'failure_outcome', event.failure_outcome,
  'response', event.response, 'list', event.list`

/** An object with what the application itself has named the email by. */
const identity = `'{}'::jsonb`

/** By its key for each row: a plan that does not know how few rows are due would read whole tables. */
const lookedUp = (name: string, table: string, key: string): string =>
  `LEFT JOIN LATERAL (SELECT * FROM ${table} WHERE ${key} LIMIT 1) AS ${name} ON true`

/** What a payload is made of, of the rows of `due`. Indexes: events_pkey, emails_pkey, escalations_pkey, suppressions_pkey. */
const withParts = (due: string): string => `
  SELECT due.id::text, due.message_id AS "messageId", due.lane, due.type, due.attempts, due.created_at AS "createdAt",
    due.provider, due.email_id AS "emailId", due.event_id AS "eventId", ${identity} AS identity, due.email_state AS "emailState", due.subject_state AS "subjectState",
    endpoint.project, email."to", email.subject, email.tags,
    CASE WHEN event.event_id IS NOT NULL THEN jsonb_build_object(${eventColumns}) END AS event,
    due.escalation_id AS "escalationId", escalation.detail AS "escalationDetail",
    due.suppression_id::text AS "suppressionId", suppression.address AS "suppressedAddress"
  FROM ${due} AS due
  JOIN endpoints AS endpoint ON endpoint.id = due.endpoint_id
  ${lookedUp('event', 'events', 'provider = due.provider AND event_id = due.event_id AND received_at = due.event_received_at')}
  ${lookedUp('email', 'emails', 'id = due.email_id AND provider = due.provider')}
  ${lookedUp('escalation', 'escalations', 'id = due.escalation_id')}
  ${lookedUp('suppression', 'suppressions', 'id = due.suppression_id')}
  ORDER BY due.id`

/**
 * A delivery waits for the earlier ones of its lane. `OFFSET 0` keeps it a lookup for each row: an anti-join may read all that waits, which
 * may be millions for an endpoint that was paused.
 */
const isFirstOfLane = `NOT EXISTS (
      SELECT FROM deliveries AS earlier WHERE earlier.endpoint_id = waiting.endpoint_id AND earlier.lane = waiting.lane
        AND earlier.id < waiting.id AND earlier.state = 'pending' OFFSET 0)`

const isDue = `endpoint_id = $1 AND state = 'pending' AND next_attempt_at <= now() AND id <> ALL($2::bigint[])`

const dueStatement = `
  WITH due AS MATERIALIZED (
    SELECT * FROM deliveries AS waiting WHERE ${isDue} AND ${isFirstOfLane} ORDER BY id LIMIT $3
  ) ${withParts('due')}`

/** Among the first ones, since to sort all that waits would take too long. */
const probeStatement = `
  WITH due AS MATERIALIZED (
    SELECT * FROM (SELECT * FROM deliveries WHERE ${isDue} ORDER BY id LIMIT 100) AS waiting
    WHERE ${isFirstOfLane} ORDER BY next_attempt_at, id LIMIT $3
  ) ${withParts('due')}`

export interface DueSearch {
  readonly endpointId: string
  /** The IDs of those that are being sent. */
  readonly except: readonly string[]
  readonly limit: number
  /** The one that was attempted the longest ago first, and not the first one: a probe tries another each time. */
  readonly byLastAttempt?: boolean
}

/** The first deliveries that are due, at most one of each lane, in order. Indexes: deliveries_pending, deliveries_pending_lane. */
export async function readDueDeliveries({ pool }: Database, search: DueSearch): Promise<DueDelivery[]> {
  const text = search.byLastAttempt ? probeStatement : dueStatement
  const { rows } = await pool.query<DueDelivery>({
    name: statementNameOf(text),
    text,
    values: [search.endpointId, search.except, search.limit],
  })
  return rows
}

const oneStatement = `WITH due AS (SELECT * FROM deliveries WHERE id = $1::bigint AND endpoint_id = $2) ${withParts('due')}`

/** One delivery, whatever its state, with what its payload is made of. Index: deliveries_pkey. */
export async function readDelivery({ pool }: Database, endpointId: string, id: string): Promise<DueDelivery | null> {
  const { rows } = await pool.query<DueDelivery>({
    name: statementNameOf(oneStatement),
    text: oneStatement,
    values: [id, endpointId],
  })
  return rows[0] ?? null
}

/** The deliveries that a replay sends again. */
export interface ReplaySelection {
  readonly ids?: readonly string[] | undefined
  /** Epoch milliseconds, both of `created_at`. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  readonly types?: readonly string[] | undefined
}

/**
 * Sends deliveries again that are not pending: new rows with the same `webhook-id`, in the order of the old ones, each message once.
 * Indexes: deliveries_pkey, deliveries_endpoint_id_id_idx.
 * @param limit at most so many, the oldest first.
 * @returns their number.
 */
export function replayDeliveries(
  db: Database,
  endpointId: string,
  { ids, since, until, types }: ReplaySelection,
  limit: number,
): Promise<number> {
  const conditions = [
    Prisma.sql`endpoint_id = ${endpointId} AND state <> 'pending'`,
    ids && Prisma.sql`id = ANY(${[...ids]}::bigint[])`,
    since === undefined ? undefined : Prisma.sql`created_at >= ${iso(since)}::timestamptz`,
    until === undefined ? undefined : Prisma.sql`created_at < ${iso(until)}::timestamptz`,
    types && Prisma.sql`type = ANY(${[...types]})`,
  ].filter((condition) => condition !== undefined)
  const copied = Prisma.raw(
    'message_id, endpoint_id, lane, type, provider, email_id, event_id, event_received_at, escalation_id, suppression_id, email_state, subject_state',
  )
  return db.$executeRaw`
    INSERT INTO deliveries (${copied})
    SELECT ${copied} FROM (
      SELECT DISTINCT ON (message_id) * FROM deliveries
      WHERE ${Prisma.join(conditions, ' AND ')} ORDER BY message_id, id
    ) AS chosen
    ORDER BY id LIMIT ${limit}`
}

/** Adds an event `endpoint.test`. @returns the ID of its delivery, and its `webhook-id`. */
export async function addTestDelivery(db: Database, endpointId: string): Promise<{ id: string; messageId: string }> {
  const messageId = `msg_${randomUUID().replaceAll('-', '')}`
  const { id } = await db.delivery.create({ data: { messageId, endpointId, lane: messageId, type: testSentType } })
  return { id: String(id), messageId }
}

/** An attempt, and what becomes of its delivery. */
export interface DeliveryAttemptResult {
  readonly deliveryId: string
  /** Epoch milliseconds. */
  readonly at: number
  /** Null: no answer. */
  readonly status: number | null
  readonly durationMs: number
  readonly error: string | null
  /** The first kilobyte of the answer's body. */
  readonly answer: string | null
  readonly state: 'delivered' | 'pending' | 'failed'
  /** False for a probe that failed. */
  readonly isCounted: boolean
  /** Epoch milliseconds; null unless it is pending. */
  readonly nextAttemptAt: number | null
}

const recordStatement = `
  WITH result AS (
    SELECT * FROM json_to_recordset($2::json) AS given(
      "deliveryId" bigint, at timestamptz, status int, "durationMs" int, error text, answer text, state text, "isCounted" boolean,
      "nextAttemptAt" timestamptz)
  ), updated AS (
    UPDATE deliveries SET state = result.state, attempts = attempts + CASE WHEN result."isCounted" THEN 1 ELSE 0 END,
      next_attempt_at = coalesce(result."nextAttemptAt", next_attempt_at),
      delivered_at = CASE WHEN result.state = 'delivered' THEN result.at END
    -- The array: a plan that does not know how few results there are would read all that waits.
    FROM result WHERE id = result."deliveryId" AND id = ANY($8::bigint[]) AND endpoint_id = $1 AND deliveries.state = 'pending'
  ), added AS (
    INSERT INTO delivery_attempts (delivery_id, endpoint_id, at, status, duration_ms, error, answer)
    SELECT "deliveryId", $1, at, status, "durationMs", error, answer FROM result ORDER BY at
  )
  UPDATE endpoints SET failures = $4, first_failed_at = $5::timestamptz, not_before = $6::timestamptz,
    last_succeeded_at = greatest(last_succeeded_at, $7::timestamptz)
  WHERE id = $1 AND sender IS NOT DISTINCT FROM $3
  RETURNING state = 'active' AND deleted_at IS NULL AS "isActive"`

/**
 * Records attempts and the endpoint's health, in one statement. Attempts are recorded also by a sender that was replaced: they were made.
 * Indexes: deliveries_pending, endpoints_pkey.
 * @param sender null: a program that pulls.
 * @returns whether it may go on: the endpoint is active, and no other sender has taken over.
 */
export async function recordAttempts(
  { pool }: Database,
  endpointId: string,
  sender: string | null,
  results: readonly DeliveryAttemptResult[],
  health: EndpointHealth,
): Promise<boolean> {
  const given = results.map((result) => ({
    ...result,
    at: iso(result.at),
    nextAttemptAt: isoOrNull(result.nextAttemptAt),
  }))
  const { rows } = await pool.query<{ isActive: boolean }>({
    name: statementNameOf(recordStatement),
    text: recordStatement,
    values: [
      ...[endpointId, JSON.stringify(given), sender, health.failures],
      ...[isoOrNull(health.firstFailedAt), isoOrNull(health.notBefore), isoOrNull(health.lastSucceededAt)],
      results.map(({ deliveryId }) => deliveryId),
    ],
  })
  return rows[0]?.isActive ?? false
}
