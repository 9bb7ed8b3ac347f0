/** The statement by which an application registers an email. */
import { domainOf } from '../domain/address.ts'
import type { EmailKey, ReceivedEvent } from '../domain/events.ts'
import type { RecipientKeys } from '../domain/received-event.ts'
import type { Registration } from '../domain/registration.ts'
import { ExternalIdTakenError } from '../errors.ts'
import { type Database, sqlStateOf, uniqueViolation } from './database.ts'
import { leaseMs, type RelayedEvent, rankOf } from './event-claims.ts'
import { withMonthCreated } from './event-months.ts'
import { Prisma } from './generated/client.ts'
import { withRegistered } from './own-ids.ts'
import { recipientKeyColumns } from './signalled-events.ts'

/** The result of a registration, with arguments of its event's signal. */
export interface StoredRegistration extends Pick<RelayedEvent, 'priority' | 'recipientDomain'> {
  /** Whether this is the email's first registration. */
  readonly created: boolean
  readonly keys: RecipientKeys
}

/**
 * Stores a registration in the email's row and as an event, in one statement. Does not change columns that only the workflow writes.
 * Indexes: emails_pkey, events_pkey, emails_registered_external_id.
 * @param isClaimed whether the caller signals the event.
 * @throws ExternalIdTakenError if another email of the project is registered under the external ID. Nothing is stored then.
 */
export async function registerEmail(
  db: Database,
  registration: Registration,
  event: Pick<ReceivedEvent, 'id' | 'type' | 'occurredAt' | 'payload' | 'to'>,
  isClaimed = true,
): Promise<StoredRegistration> {
  const { provider, emailId, subject, tags, priority, as, externalId = null } = registration
  const metadata = registration.metadata ? JSON.stringify(registration.metadata) : null
  const at = new Date(event.occurredAt).toISOString()
  const recipients = [...event.to]
  const store = () => db.$queryRaw<StoredRegistration[]>`
    WITH event AS (
      INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, "to", payload, priority, lease_until, attempts,
        external_id, metadata)
      -- Registrations do not restore erased data.
      SELECT ${provider}, ${event.id}, ${emailId}, ${event.type}, ${at}::timestamptz, ${at}::timestamptz,
             CASE WHEN is_erased THEN '{}' ELSE ${recipients}::text[] END,
             ${event.payload}::json, ${rankOf(priority ?? 'normal')}, now() + ${isClaimed ? leaseMs : null}::int * interval '1 ms',
             ${isClaimed ? 1 : 0}, CASE WHEN NOT is_erased THEN ${externalId} END, CASE WHEN NOT is_erased THEN ${metadata}::jsonb END
      FROM (SELECT EXISTS (
        SELECT FROM emails WHERE id = ${emailId} AND provider = ${provider} AND erased_at IS NOT NULL
      ) AS is_erased) AS known
      RETURNING ${Prisma.raw(recipientKeyColumns('events'))}
    )
    INSERT INTO emails AS existing (id, provider, "to", recipients, recipient_domain, subject, tags, priority,
      priority_named_at, status, delivery, registered_at, registered_as_sent, first_received_at,
      external_id, metadata, registered_external_id, registered_metadata)
    VALUES (${emailId}, ${provider}, ${[...registration.to]}, ${recipients}, ${domainOf(recipients[0] ?? '')},
      ${subject}, ${tags ? [...tags] : []}, ${priority ?? 'normal'}, ${priority ? at : null}::timestamptz,
      ${as}, ${as}, ${at}::timestamptz, ${as === 'sent'}, ${at}::timestamptz,
      ${externalId}, ${metadata}::jsonb, ${externalId}, ${metadata}::jsonb)
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
      ${withRegistered},
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
  const [row] = await withMonthCreated(db, store).catch((error) => rejectTaken(db, registration, error))
  if (!row) throw new Error('the registration returned no row')
  return row
}

/** @throws ExternalIdTakenError if that is why the registration failed; `error` otherwise. */
async function rejectTaken(db: Database, registration: Registration, error: unknown): Promise<never> {
  const { provider, externalId = null } = registration
  const holder = sqlStateOf(error) === uniqueViolation ? await findRegistered(db, provider, externalId) : null
  throw holder ? new ExternalIdTakenError(holder) : error
}

/** The email that is registered under an external ID in the provider's project; null if there is none. Index: emails_registered_external_id. */
export async function findRegistered(
  db: Database,
  provider: string,
  externalId: string | null,
): Promise<EmailKey | null> {
  if (externalId === null) return null
  const [row] = await db.$queryRaw<EmailKey[]>`
    SELECT provider, id AS "emailId" FROM emails
    WHERE project_of(provider) = project_of(${provider}) AND registered_external_id = ${externalId}`
  return row ?? null
}
