/** The statement by which an application registers an email. */
import { domainOf } from '../domain/address.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import type { RecipientKeys } from '../domain/received-event.ts'
import type { Registration } from '../domain/registration.ts'
import type { Database } from './database.ts'
import { leaseMs, type RelayedEvent, rankOf } from './event-claims.ts'
import { withMonthCreated } from './event-months.ts'
import { Prisma } from './generated/client.ts'
import { recipientKeyColumns } from './signalled-events.ts'

/** The result of a registration, with arguments of its event's signal. */
export interface StoredRegistration extends Pick<RelayedEvent, 'priority' | 'recipientDomain'> {
  /** Whether this is the email's first registration. */
  readonly created: boolean
  readonly keys: RecipientKeys
}

/**
 * Stores a registration in the email's row and as an event, in one statement. Does not change columns that only the workflow writes.
 * Indexes: emails_pkey, events_pkey.
 * @param isClaimed whether the caller signals the event.
 */
export async function registerEmail(
  db: Database,
  registration: Registration,
  event: Pick<ReceivedEvent, 'id' | 'type' | 'occurredAt' | 'payload' | 'to'>,
  isClaimed = true,
): Promise<StoredRegistration> {
  const { provider, emailId, subject, tags, priority, as } = registration
  const at = new Date(event.occurredAt).toISOString()
  const recipients = [...event.to]
  const store = () => db.$queryRaw<StoredRegistration[]>`
    WITH event AS (
      INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, "to", payload, priority, lease_until, attempts)
      -- Registrations do not restore erased data.
      VALUES (${provider}, ${event.id}, ${emailId}, ${event.type}, ${at}::timestamptz, ${at}::timestamptz,
              CASE WHEN EXISTS (SELECT FROM emails WHERE id = ${emailId} AND provider = ${provider} AND erased_at IS NOT NULL)
                   THEN '{}' ELSE ${recipients}::text[] END,
              ${event.payload}::json, ${rankOf(priority ?? 'normal')}, now() + ${isClaimed ? leaseMs : null}::int * interval '1 ms',
              ${isClaimed ? 1 : 0})
      RETURNING ${Prisma.raw(recipientKeyColumns('events'))}
    )
    INSERT INTO emails AS existing (id, provider, "to", recipients, recipient_domain, subject, tags, priority,
      priority_named_at, status, delivery, registered_at, registered_as_sent, first_received_at)
    VALUES (${emailId}, ${provider}, ${[...registration.to]}, ${recipients}, ${domainOf(recipients[0] ?? '')},
      ${subject}, ${tags ? [...tags] : []}, ${priority ?? 'normal'}, ${priority ? at : null}::timestamptz,
      ${as}, ${as}, ${at}::timestamptz, ${as === 'sent'}, ${at}::timestamptz)
    ON CONFLICT (id, provider) DO UPDATE SET
      -- Registrations do not restore erased data.
      "to" = CASE WHEN existing.erased_at IS NULL THEN excluded."to" ELSE existing."to" END,
      recipients = CASE WHEN existing.erased_at IS NULL THEN excluded.recipients ELSE existing.recipients END,
      recipient_domain = CASE WHEN existing.erased_at IS NULL THEN excluded.recipient_domain ELSE existing.recipient_domain END,
      subject = CASE WHEN existing.erased_at IS NULL THEN coalesce(excluded.subject, existing.subject) ELSE existing.subject END,
      -- The tags of the latest registration, and those that events have named.
      tags = CASE WHEN ${tags !== null} THEN ARRAY(
        SELECT unnest(excluded.tags)
        UNION SELECT unnest(tags) FROM events WHERE email_id = excluded.id AND provider = excluded.provider ORDER BY 1
      ) ELSE existing.tags END,
      -- As in domain/lifecycle.ts: the last one, of two in the same millisecond the more urgent one. A delayed request is not the last.
      priority = CASE
        WHEN (coalesce(excluded.priority_named_at, '-infinity'), array_position(ARRAY['bulk', 'normal', 'critical'], excluded.priority))
           > (coalesce(existing.priority_named_at, '-infinity'), array_position(ARRAY['bulk', 'normal', 'critical'], existing.priority))
        THEN excluded.priority ELSE existing.priority END,
      priority_named_at = greatest(existing.priority_named_at, excluded.priority_named_at),
      registered_at = coalesce(existing.registered_at, excluded.registered_at),
      registered_as_sent = existing.registered_as_sent OR excluded.registered_as_sent,
      updated_at = now()
    RETURNING registered_at = ${at}::timestamptz AS created, priority, recipient_domain AS "recipientDomain",
      (SELECT json_build_object('recipient', recipient_key, 'to', to_keys) FROM event) AS keys`
  const [row] = await withMonthCreated(db, store)
  if (!row) throw new Error('the registration returned no row')
  return row
}
