/** Statements that keep an email's snapshot: the workflow's save, its load, and the application's registration. */
import { domainOf } from '../domain/address.ts'
import type { EmailKey, ReceivedEvent } from '../domain/events.ts'
import { deliveryOf, type Snapshot, statusOf } from '../domain/lifecycle.ts'
import type { ReceivedBetween } from '../domain/received-between.ts'
import type { Registration } from '../inbox/inbox.ts'
import { type Database, statementNameOf } from './database.ts'
import { epochMsOf } from './epoch-ms.ts'
import { withMonthMade } from './event-months.ts'
import type { Email } from './generated/client.ts'
import { firstLeaseMs } from './leases.ts'
import { receivedBounds } from './received-between.ts'

/** A snapshot as it is about to be stored. */
export interface SnapshotSave extends EmailKey {
  readonly snapshot: Snapshot
  /** The revision that the snapshot was folded from; 0 for an email that was never saved. */
  readonly expectedRevision: number
  /** The events folded into it since: all of them must still be unapplied. */
  readonly eventIds: readonly string[]
  /** Between when they were received; without it they are looked for in every month. */
  readonly receivedBetween?: ReceivedBetween
}

const saveStatement = `
  WITH waiting AS (
    SELECT event_id, "to", subject, recipient FROM events
    WHERE provider = $1 AND event_id = ANY($3::text[]) AND applied_at IS NULL
      AND received_at BETWEEN $6::timestamptz AND $7::timestamptz
    FOR UPDATE
  ), said AS (
    SELECT (SELECT "to" FROM waiting WHERE cardinality("to") > 0 ORDER BY event_id LIMIT 1) AS "to",
           (SELECT subject FROM waiting WHERE subject IS NOT NULL ORDER BY event_id LIMIT 1) AS subject
  ), stored AS (
    INSERT INTO emails AS kept (id, provider, "to", recipients, recipient_domain, subject, revision,
      priority, priority_named_at, status, delivery, registered_at, registered_as_sent,
      queued_at, sending_at, sent_at, delivered_at, bounce_class, bounce_code, bounced_at, bounce_event_id,
      complained_at, opens_total, opens_human, opens_first_at, opens_last_at,
      clicks_total, clicks_human, clicks_first_at, clicks_last_at, first_received_at, settled_received_at)
    SELECT $2, $1, coalesce(said."to", '{}'), coalesce(said."to", '{}'),
      nullif(split_part(said."to"[1], '@', 2), ''), said.subject, $4::int + 1,
      priority, priority_named_at, status, delivery, registered_at, registered_as_sent,
      queued_at, sending_at, sent_at, delivered_at, bounce_class, bounce_code, bounced_at, bounce_event_id,
      complained_at, opens_total, opens_human, opens_first_at, opens_last_at,
      clicks_total, clicks_human, clicks_first_at, clicks_last_at, first_received_at, settled_received_at
    FROM said, json_populate_record(NULL::emails, $5::json)
    WHERE (SELECT count(*) FROM waiting) = cardinality($3::text[])
    ON CONFLICT (id, provider) DO UPDATE SET
      -- Whom and what was erased no event brings back.
      "to" = CASE WHEN kept."to" = '{}' AND kept.erased_at IS NULL THEN excluded."to" ELSE kept."to" END,
      recipients = CASE WHEN kept.recipients = '{}' AND kept.erased_at IS NULL THEN excluded.recipients
                        ELSE kept.recipients END,
      recipient_domain = coalesce(kept.recipient_domain, excluded.recipient_domain),
      subject = CASE WHEN kept.erased_at IS NULL THEN coalesce(kept.subject, excluded.subject) ELSE kept.subject END,
      -- A registration that the workflow has not heard of yet must not be undone by its older snapshot.
      priority = CASE WHEN kept.priority_named_at > coalesce(excluded.priority_named_at, '-infinity')
                      THEN kept.priority ELSE excluded.priority END,
      priority_named_at = greatest(kept.priority_named_at, excluded.priority_named_at),
      registered_at = least(kept.registered_at, excluded.registered_at),
      registered_as_sent = kept.registered_as_sent OR excluded.registered_as_sent,
      revision = excluded.revision, status = excluded.status, delivery = excluded.delivery,
      queued_at = excluded.queued_at, sending_at = excluded.sending_at, sent_at = excluded.sent_at,
      delivered_at = excluded.delivered_at, bounce_class = excluded.bounce_class,
      bounce_code = excluded.bounce_code, bounced_at = excluded.bounced_at,
      bounce_event_id = excluded.bounce_event_id, complained_at = excluded.complained_at,
      opens_total = excluded.opens_total, opens_human = excluded.opens_human,
      opens_first_at = excluded.opens_first_at, opens_last_at = excluded.opens_last_at,
      clicks_total = excluded.clicks_total, clicks_human = excluded.clicks_human,
      clicks_first_at = excluded.clicks_first_at, clicks_last_at = excluded.clicks_last_at,
      first_received_at = excluded.first_received_at, settled_received_at = excluded.settled_received_at,
      updated_at = now()
    WHERE kept.revision = $4::int
    RETURNING kept.erased_at IS NOT NULL AS is_erased, kept.recipients
  )
  UPDATE events SET applied_at = now(), quarantined_reason = NULL,
    "to" = CASE WHEN is_erased THEN '{}' ELSE events."to" END,
    recipient = CASE WHEN is_erased AND NOT stored.recipients @> ARRAY[events.recipient] THEN NULL ELSE events.recipient END,
    subject = CASE WHEN is_erased THEN NULL ELSE events.subject END,
    bounce_message = CASE WHEN is_erased THEN NULL ELSE events.bounce_message END,
    payload = CASE WHEN is_erased AND type <> 'aftersend.registered' THEN NULL ELSE events.payload END
  FROM stored
  -- By its key once more rather than joined to what waits: a join that is planned on an empty table reads all of it.
  WHERE events.provider = $1 AND events.event_id = ANY($3::text[])
    AND events.received_at BETWEEN $6::timestamptz AND $7::timestamptz
  RETURNING 1`

/**
 * Stores the snapshot and marks its events applied, both or neither. Neither, if the stored revision is another than
 * expected or one of the events is applied already: then the snapshot was folded from something stale. Events of an email
 * that somebody was erased from lose what names people as they are applied. Through the pool, as {@link insertEvents} is.
 * Indexes: events_pkey, emails_pkey.
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
    ],
  })
  return (rowCount ?? 0) > 0
}

const iso = (epochMs: number | null): string | null => (epochMs === null ? null : new Date(epochMs).toISOString())

/** The lifecycle columns of the emails table, as JSON for `json_populate_record`. */
function columnsOf(snapshot: Snapshot): Record<string, string | number | boolean | null> {
  return {
    priority: snapshot.priority,
    priority_named_at: iso(snapshot.priorityNamedAt),
    status: statusOf(snapshot),
    delivery: deliveryOf(snapshot),
    registered_at: iso(snapshot.registeredAt),
    registered_as_sent: snapshot.registeredAsSent,
    queued_at: iso(snapshot.queuedAt),
    sending_at: iso(snapshot.sendingAt),
    sent_at: iso(snapshot.sentAt),
    delivered_at: iso(snapshot.deliveredAt),
    bounce_class: snapshot.bounce?.class ?? null,
    bounce_code: snapshot.bounce?.code ?? null,
    bounced_at: iso(snapshot.bounce?.at ?? null),
    bounce_event_id: snapshot.bounce?.eventId ?? null,
    complained_at: iso(snapshot.complainedAt),
    opens_total: snapshot.opens.total,
    opens_human: snapshot.opens.human,
    opens_first_at: iso(snapshot.opens.firstAt),
    opens_last_at: iso(snapshot.opens.lastAt),
    clicks_total: snapshot.clicks.total,
    clicks_human: snapshot.clicks.human,
    clicks_first_at: iso(snapshot.clicks.firstAt),
    clicks_last_at: iso(snapshot.clicks.lastAt),
    first_received_at: iso(snapshot.firstReceivedAt),
    settled_received_at: iso(snapshot.settledReceivedAt),
  }
}

/** The snapshot that an emails row holds: the inverse of what {@link saveSnapshot} stores. */
export function snapshotOf(row: Email): Snapshot {
  const bounced = row.bounceClass !== null && row.bouncedAt !== null && row.bounceEventId !== null
  return {
    registeredAt: epochMsOf(row.registeredAt),
    registeredAsSent: row.registeredAsSent,
    priority: row.priority as Snapshot['priority'],
    priorityNamedAt: epochMsOf(row.priorityNamedAt),
    queuedAt: epochMsOf(row.queuedAt),
    sendingAt: epochMsOf(row.sendingAt),
    sentAt: epochMsOf(row.sentAt),
    deliveredAt: epochMsOf(row.deliveredAt),
    bounce: bounced
      ? {
          class: row.bounceClass === 'soft' ? 'soft' : 'hard',
          code: row.bounceCode,
          at: row.bouncedAt?.getTime() ?? 0,
          eventId: row.bounceEventId ?? '',
        }
      : null,
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
  }
}

/**
 * Stores what an application says of an email, and the event that tells the email's workflow, both or neither. What the
 * workflow has folded already is left alone. Indexes: emails_pkey, events_pkey.
 * @returns whether this is the email's first registration.
 */
export async function registerEmail(
  db: Database,
  registration: Registration,
  event: Pick<ReceivedEvent, 'id' | 'type' | 'occurredAt' | 'payload' | 'to'>,
): Promise<{ created: boolean }> {
  const { provider, emailId, subject, tags, priority, as } = registration
  const at = new Date(event.occurredAt).toISOString()
  const recipients = [...event.to]
  const store = () => db.$queryRaw<{ created: boolean }[]>`
    WITH announced AS (
      INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, payload, lease_until)
      VALUES (${provider}, ${event.id}, ${emailId}, ${event.type}, ${at}::timestamptz, ${at}::timestamptz,
              ${event.payload}::json, now() + ${firstLeaseMs} * interval '1 ms')
    )
    INSERT INTO emails AS kept (id, provider, "to", recipients, recipient_domain, subject, tags, priority,
      priority_named_at, status, delivery, registered_at, registered_as_sent, first_received_at)
    VALUES (${emailId}, ${provider}, ${[...registration.to]}, ${recipients}, ${domainOf(recipients[0] ?? '')},
      ${subject}, ${tags ? [...tags] : []}, ${priority ?? 'normal'}, ${priority ? at : null}::timestamptz,
      ${as}, ${as}, ${at}::timestamptz, ${as === 'sent'}, ${at}::timestamptz)
    ON CONFLICT (id, provider) DO UPDATE SET
      -- Whom and what was erased no registration brings back.
      "to" = CASE WHEN kept.erased_at IS NULL THEN excluded."to" ELSE kept."to" END,
      recipients = CASE WHEN kept.erased_at IS NULL THEN excluded.recipients ELSE kept.recipients END,
      recipient_domain = CASE WHEN kept.erased_at IS NULL THEN excluded.recipient_domain ELSE kept.recipient_domain END,
      subject = CASE WHEN kept.erased_at IS NULL THEN coalesce(excluded.subject, kept.subject) ELSE kept.subject END,
      tags = CASE WHEN ${tags !== null} THEN excluded.tags ELSE kept.tags END,
      priority = CASE WHEN excluded.priority_named_at IS NULL THEN kept.priority ELSE excluded.priority END,
      priority_named_at = coalesce(excluded.priority_named_at, kept.priority_named_at),
      registered_at = coalesce(kept.registered_at, excluded.registered_at),
      registered_as_sent = kept.registered_as_sent OR excluded.registered_as_sent,
      updated_at = now()
    RETURNING registered_at = ${at}::timestamptz AS created`
  const [row] = await withMonthMade(db, store)
  return { created: row?.created ?? true }
}
