/** The statement by which an email's workflow saves its snapshot. */
import type { EmailKey } from '../domain/events.ts'
import type { Snapshot } from '../domain/lifecycle.ts'
import type { ReceivedBetween } from '../domain/received-between.ts'
import { type Database, statementNameOf } from './database.ts'
import { deliveredColumns, outboxOf } from './outbox.ts'
import { receivedBounds } from './received-between.ts'
import { columnsOf, foldedColumns, recipientColumns, recipientRowsOf, snapshotColumns } from './snapshot-columns.ts'

/** A snapshot to store. */
export interface SnapshotSave extends EmailKey {
  readonly snapshot: Snapshot
  /** The revision on which the snapshot is based; 0 for an email that was never saved. */
  readonly expectedRevision: number
  /** The events folded into it since. All must be unapplied. */
  readonly eventIds: readonly string[]
  /** The keys of the recipients that these events have changed; without them, all are stored. */
  readonly changedRecipients?: readonly string[]
  /** Their times of receipt; without them, every month is searched. */
  readonly receivedBetween?: ReceivedBetween
}

const saveStatement = `
  WITH pending AS (
    SELECT event_id, "to", subject, recipient, tags FROM events
    WHERE provider = $1 AND event_id = ANY($3::text[]) AND applied_at IS NULL
      AND received_at BETWEEN $6::timestamptz AND $7::timestamptz
    FOR UPDATE
  ), facts AS (
    SELECT (SELECT "to" FROM pending WHERE cardinality("to") > 0 ORDER BY event_id LIMIT 1) AS "to",
           (SELECT subject FROM pending WHERE subject IS NOT NULL ORDER BY event_id LIMIT 1) AS subject,
           ARRAY(SELECT DISTINCT unnest(tags) FROM pending ORDER BY 1) AS tags
  ), stored AS (
    INSERT INTO emails AS existing (id, provider, "to", recipients, recipient_domain, subject, tags, revision,
      ${snapshotColumns.join(', ')})
    SELECT $2, $1, coalesce(facts."to", '{}'), coalesce(facts."to", '{}'),
      nullif(split_part(facts."to"[1], '@', 2), ''), facts.subject, facts.tags, $4::int + 1,
      ${snapshotColumns.map((column) => `given.${column}`).join(', ')}
    FROM facts, json_populate_record(NULL::emails, $5::json) AS given
    WHERE (SELECT count(*) FROM pending) = cardinality($3::text[])
      -- A missing row was lost in a failover: a new one must hold only the applied events.
      AND ($4::int = 0 OR EXISTS (SELECT FROM emails WHERE id = $2 AND provider = $1))
    ON CONFLICT (id, provider) DO UPDATE SET
      -- Events do not restore erased data.
      "to" = CASE WHEN existing."to" = '{}' AND existing.erased_at IS NULL THEN excluded."to" ELSE existing."to" END,
      recipients = CASE WHEN existing.recipients = '{}' AND existing.erased_at IS NULL THEN excluded.recipients
                        ELSE existing.recipients END,
      recipient_domain = coalesce(existing.recipient_domain, excluded.recipient_domain),
      subject = CASE WHEN existing.erased_at IS NULL THEN coalesce(existing.subject, excluded.subject) ELSE existing.subject END,
      tags = CASE WHEN existing.tags @> excluded.tags THEN existing.tags
                  ELSE ARRAY(SELECT unnest(existing.tags) UNION SELECT unnest(excluded.tags) ORDER BY 1) END,
      -- The snapshot must not undo a registration that the workflow has not received yet.
      priority = CASE WHEN existing.priority_named_at > coalesce(excluded.priority_named_at, '-infinity')
                      THEN existing.priority ELSE excluded.priority END,
      priority_named_at = greatest(existing.priority_named_at, excluded.priority_named_at),
      registered_at = least(existing.registered_at, excluded.registered_at),
      registered_as_sent = existing.registered_as_sent OR excluded.registered_as_sent,
      ${['revision', ...foldedColumns].map((column) => `${column} = excluded.${column}`).join(', ')},
      updated_at = now()
    WHERE existing.revision = $4::int
    -- The whole row: no column of a delivery costs anything while there is no endpoint.
    RETURNING existing.erased_at IS NOT NULL AS is_erased, existing.recipients, existing.created_at, existing AS email
  ), saved_recipients AS (
    INSERT INTO email_recipients AS existing (provider, email_id, key, address, domain, created_at, ${recipientColumns.join(', ')})
    SELECT $1, $2, given.key, CASE WHEN NOT is_erased OR recipients @> ARRAY[named.address] THEN named.address END,
      split_part(named.address, '@', 2), stored.created_at, ${recipientColumns.map((column) => `given.${column}`).join(', ')}
    FROM stored, json_populate_recordset(NULL::email_recipients, $8::json) AS given LEFT JOIN (
      SELECT address, recipient_key($1, $2, address) AS key
      FROM (SELECT recipient AS address FROM pending UNION SELECT unnest("to") FROM pending) AS addresses
    ) AS named ON named.key = given.key
    ON CONFLICT (email_id, provider, key) DO UPDATE SET
      ${recipientColumns.map((column) => `${column} = excluded.${column}`).join(', ')}
  ), applied AS (
  UPDATE events SET applied_at = now(), quarantined_reason = NULL,
    "to" = CASE WHEN is_erased THEN '{}' ELSE events."to" END,
    recipient = CASE WHEN is_erased AND NOT stored.recipients @> ARRAY[events.recipient] THEN NULL ELSE events.recipient END,
    subject = CASE WHEN is_erased THEN NULL ELSE events.subject END,
    bounce_message = CASE WHEN is_erased THEN NULL ELSE events.bounce_message END,
    response = CASE WHEN is_erased THEN NULL ELSE events.response END,
    payload = CASE WHEN is_erased AND type <> 'aftersend.registered' THEN NULL ELSE events.payload END
  FROM stored
  -- By the key again, and not by a join with pending: a plan made on an empty table would execute it as a scan.
  WHERE events.provider = $1 AND events.event_id = ANY($3::text[])
    AND events.received_at BETWEEN $6::timestamptz AND $7::timestamptz
  RETURNING ${deliveredColumns}, email
  ), ${outboxOf('applied')}
  SELECT 1 FROM applied`

/**
 * Stores the snapshot and marks its events applied, in one statement. Does nothing if the stored revision is not the expected one or
 * an event is applied already: the snapshot is stale then. Erases personal data from the events of an email with an erased
 * recipient. Uses the pool, like {@link insertEvents}.
 * Indexes: events_pkey, emails_pkey, email_recipients_pkey.
 * @returns whether it was stored.
 */
export async function saveSnapshot({ pool }: Database, save: SnapshotSave): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: statementNameOf(saveStatement),
    text: saveStatement,
    values: [
      save.provider,
      save.emailId,
      save.eventIds,
      save.expectedRevision,
      JSON.stringify(columnsOf(save.snapshot)),
      ...receivedBounds(save.receivedBetween ?? null),
      JSON.stringify(recipientRowsOf(save.snapshot, save.changedRecipients)),
    ],
  })
  return (rowCount ?? 0) > 0
}
