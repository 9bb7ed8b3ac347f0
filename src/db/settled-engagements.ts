/** The statement that applies opens and clicks of settled emails without a workflow. */
import { receivedBetween } from '../domain/received-between.ts'
import { type Database, statementNameOf } from './database.ts'
import type { StoredEventKey } from './event-key.ts'
import { deliveredColumns, outboxOf } from './outbox.ts'
import { aggregatedOwnIds, withCarried } from './own-ids.ts'
import { receivedBounds } from './received-between.ts'
import { keyOfRecipient } from './signalled-events.ts'

const ofErased = '((email_id, provider) IN (SELECT id, provider FROM counted WHERE is_erased)) IS TRUE'

/**
 * The fold of domain/lifecycle.ts as sums, minima and maxima; test/db/settled-engagements.test.ts compares both. The revision changes
 * with the row: the save of a workflow that has folded an older revision is stale, and the workflow folds again. Saves increment it
 * by one, this statement by a large random number: after a failover that lost a save, an increment of one could produce the revision
 * that the workflow knows, with other content.
 *
 * `(… IN (SELECT …)) IS TRUE` is a hash lookup. Without `IS TRUE` it becomes a join, which the planner executes as a nested loop since
 * it expects one row of each: 0.3 ms per open for 500 opens, and 0.05 ms with the lookup. Events that are not among the keys may be
 * applied too, where two providers use the same ID.
 */
const figures = {
  opens_total: 'sum',
  opens_human: 'sum',
  opens_first_at: 'least',
  opens_last_at: 'greatest',
  clicks_total: 'sum',
  clicks_human: 'sum',
  clicks_first_at: 'least',
  clicks_last_at: 'greatest',
  first_received_at: 'least',
  settled_received_at: 'least',
} as const

/** Assignments that add `tallies` to the columns of `existing`. */
const added = Object.entries(figures)
  .map(([column, how]) =>
    how === 'sum'
      ? `${column} = existing.${column} + tallies.${column}`
      : `${column} = ${how}(existing.${column}, tallies.${column})`,
  )
  .join(', ')

/** The figures of an email, from those of its recipients. */
const summed = Object.entries(figures)
  .map(
    ([column, how]) =>
      `${how === 'least' ? 'min' : how === 'greatest' ? 'max' : 'sum'}(${column})${how === 'sum' ? '::int' : ''} AS ${column}`,
  )
  .join(', ')

const statusAfter = `status = CASE WHEN complained_at IS NOT NULL THEN 'complained' WHEN delivery IN ('bounced', 'failed') THEN delivery
                    WHEN existing.clicks_total + tallies.clicks_total > 0 THEN 'clicked' ELSE 'opened' END`

const applyStatement = `
  WITH named AS MATERIALIZED (
    SELECT provider, event_id, email_id, type, human, occurred_at, received_at, external_id, metadata,
      coalesce(${keyOfRecipient('events')}, '') AS key FROM events
    WHERE provider = ANY($1::text[]) AND event_id = ANY($2::text[])
      AND received_at BETWEEN $3::timestamptz AND $4::timestamptz
      AND num_nonnulls(applied_at, quarantined_reason) = 0 AND type IN ('opened', 'clicked')
      AND (cardinality("to") > 1 OR "to"[1] <> recipient) IS NOT TRUE
    FOR UPDATE SKIP LOCKED
  ), pending AS MATERIALIZED (
    -- Rows without facts are of versions before 0.5 (see snapshotOf), or of events of unknown types alone: the workflow fills them.
    SELECT * FROM named WHERE EXISTS (
      SELECT FROM email_recipients AS known WHERE known.email_id = named.email_id AND known.provider = named.provider AND known.key = named.key
        AND known.first_received_at IS NOT NULL)
  ), settled AS MATERIALIZED (
    -- Sorted: two instances that apply engagements of the same emails could deadlock otherwise.
    SELECT id, provider FROM emails
    WHERE id = ANY(ARRAY(SELECT email_id FROM pending)) AND provider = ANY($1::text[]) AND settled_received_at IS NOT NULL
      AND (SELECT count(*) FROM email_recipients AS known
           WHERE known.email_id = emails.id AND known.provider = emails.provider AND known.key <> '') <= 1
    ORDER BY id, provider
    FOR NO KEY UPDATE
  ), by_recipient AS MATERIALIZED (
    SELECT pending.provider, email_id, key,
      count(*) FILTER (WHERE type = 'opened')::int AS opens_total, count(*) FILTER (WHERE type = 'opened' AND human)::int AS opens_human,
      min(occurred_at) FILTER (WHERE type = 'opened') AS opens_first_at, max(occurred_at) FILTER (WHERE type = 'opened') AS opens_last_at,
      count(*) FILTER (WHERE type = 'clicked')::int AS clicks_total, count(*) FILTER (WHERE type = 'clicked' AND human)::int AS clicks_human,
      min(occurred_at) FILTER (WHERE type = 'clicked') AS clicks_first_at, max(occurred_at) FILTER (WHERE type = 'clicked') AS clicks_last_at,
      min(pending.received_at) AS first_received_at, min(pending.received_at) FILTER (WHERE human) AS settled_received_at,
      ${aggregatedOwnIds}
    FROM pending WHERE ((email_id, provider) IN (SELECT id, provider FROM settled)) IS TRUE
    GROUP BY pending.provider, email_id, key
  ), by_email AS MATERIALIZED (
    SELECT provider, email_id, ${summed}, ${aggregatedOwnIds} FROM by_recipient GROUP BY provider, email_id
  ), counted_recipients AS (
    UPDATE email_recipients AS existing SET ${added}, ${statusAfter}
    FROM by_recipient AS tallies
    WHERE existing.email_id = ANY(ARRAY[tallies.email_id]) AND existing.provider = tallies.provider AND existing.key = tallies.key
  ), counted AS (
    UPDATE emails AS existing SET ${added}, ${statusAfter}, ${withCarried('existing', 'tallies')},
      revision = revision + 1000 + floor(random() * 1000)::int, updated_at = now()
    FROM by_email AS tallies
    WHERE existing.id = ANY(ARRAY[tallies.email_id]) AND existing.provider = tallies.provider
    RETURNING existing.id, existing.provider, existing.erased_at IS NOT NULL AS is_erased, existing.recipients, existing AS email
  ), erased AS (
    SELECT id, provider, unnest(recipients) AS recipient FROM counted WHERE is_erased
  ), applied AS (
  UPDATE events SET applied_at = now(),
    "to" = CASE WHEN ${ofErased} THEN '{}' ELSE "to" END,
    recipient = CASE WHEN ${ofErased} AND ((email_id, provider, recipient) IN (SELECT * FROM erased)) IS NOT TRUE
                     THEN NULL ELSE recipient END,
    subject = CASE WHEN ${ofErased} THEN NULL ELSE subject END,
    external_id = CASE WHEN ${ofErased} THEN NULL ELSE external_id END,
    metadata = CASE WHEN ${ofErased} THEN NULL ELSE metadata END,
    payload = CASE WHEN ${ofErased} THEN NULL ELSE payload END
  WHERE provider = ANY($1::text[]) AND event_id = ANY(ARRAY(SELECT event_id FROM pending))
    AND received_at BETWEEN $3::timestamptz AND $4::timestamptz
    AND ((provider, event_id) IN (SELECT provider, event_id FROM pending)) IS TRUE
    AND ((email_id, provider) IN (SELECT id, provider FROM counted)) IS TRUE
  RETURNING ${deliveredColumns}
  ), applied_to AS (
    SELECT applied.*, counted.email FROM applied JOIN counted ON counted.id = email_id AND counted.provider = applied.provider
  ), ${outboxOf('applied_to')}
  SELECT provider, event_id AS id, received_at AS "receivedAt" FROM applied`

/**
 * Adds opens and clicks to the counters of their emails and recipients and marks them applied, in one statement. Skips those whose
 * email is not settled or has several recipients (when each of them is settled decides then, which the workflow's fold derives), those
 * that name several recipients or one that the email is not known to have (the workflow adds them), and those that are applied or being applied.
 * @param keys at least one.
 * @returns the applied ones. Indexes: events_pkey, emails_pkey, email_recipients_pkey.
 */
export async function applyEngagements({ pool }: Database, keys: readonly StoredEventKey[]): Promise<StoredEventKey[]> {
  const { rows } = await pool.query<{ provider: string; id: string; receivedAt: Date }>({
    name: statementNameOf(applyStatement),
    text: applyStatement,
    values: [
      [...new Set(keys.map(({ provider }) => provider))],
      keys.map(({ id }) => id),
      ...receivedBounds(receivedBetween(keys)),
    ],
  })
  return rows.map(({ receivedAt, ...key }) => ({ ...key, receivedAt: receivedAt.getTime() }))
}
