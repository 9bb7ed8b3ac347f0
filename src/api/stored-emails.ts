/** Reads emails as the API returns them, by whatever name. */
import type { Database } from '../db/database.ts'
import { readRecipientsOf } from '../db/email-recipients-read.ts'
import { findEmail, listEmails, readEscalationsOf, readEventsOf } from '../db/emails-read.ts'
import type { Email } from '../db/generated/client.ts'
import { Problem } from '../http/problem.ts'
import { messageIdIn, messageIdKey } from '../providers/custom-fields.ts'
import { emailIdOf, emailIdsOf, isForeignMessageId } from '../providers/registry.ts'
import { type EmailParts, type EmailView, storedEmailView, unappliedEmailView, withSuppressions } from './email-view.ts'

/** As {@link readEmail}, of an ID as the provider's webhooks or its API write it. */
export async function findNamedEmail(db: Database, named: string, provider: string | undefined) {
  for (const id of emailIdsOf(named, provider)) {
    const found = await readEmail(db, id, provider)
    if (found !== null) return found
  }
  const alias = await findByMessageId(db, named, provider)
  return alias && readEmail(db, alias.id, alias.provider)
}

/** The newest email of which events have named this Message-ID; null if there is none. Index: emails_metadata. */
async function findByMessageId(db: Database, named: string, provider: string | undefined): Promise<Email | null> {
  const messageId = messageIdIn(named)
  if (messageId === null) return null
  const [email = null] = await listEmails(db, { provider, metadata: { [messageIdKey]: messageId } }, null, 1)
  return email
}

/**
 * The ID under which an email is registered that the application names so.
 * @throws Problem 422 for the Message-ID of an email that its provider names otherwise, and no event has named yet: an email under that ID
 * would stay without events.
 */
export async function registeredIdOf(db: Database, provider: string, named: string): Promise<string> {
  const id = emailIdOf(provider, named)
  if (!isForeignMessageId(provider, id) || (await findEmail(db, id, provider)) !== null) return id
  const known = await findByMessageId(db, id, provider)
  if (known) return known.id
  throw new Problem(
    422,
    'this is a Message-ID, and events name the email otherwise: register it under the ID that the provider answers',
  )
}

/** One email as the API returns it, with events that are acknowledged but not applied yet; null if it is unknown. */
export async function readEmail(db: Database, id: string, provider: string | undefined): Promise<EmailView | null> {
  const [row, parts] = await Promise.all([findEmail(db, id, provider), readPartsOf(db, [id])])
  const events = provider === undefined ? parts.events : parts.events.filter((event) => event.provider === provider)
  if (!row && events.length === 0) return null
  const view = row ? storedEmailView(row, parts) : unappliedEmailView({ ...parts, events })
  const [email = null] = await withSuppressions(db, [view])
  return email
}

/** What is stored beside emails with these IDs, of any provider. Three statements, at the same time. */
export async function readPartsOf(db: Database, emailIds: readonly string[]): Promise<EmailParts> {
  const [events, escalations, recipients] = await Promise.all([
    readEventsOf(db, emailIds),
    readEscalationsOf(db, emailIds),
    readRecipientsOf(db, emailIds),
  ])
  return { events, escalations, recipients }
}

export async function viewsOf(db: Database, rows: readonly Email[]): Promise<EmailView[]> {
  if (rows.length === 0) return []
  const ids = [...new Set(rows.map((row) => row.id))]
  const parts = await readPartsOf(db, ids)
  const [events, escalations, recipients] = [
    byEmailId(parts.events),
    byEmailId(parts.escalations),
    byEmailId(parts.recipients),
  ]
  const views = rows.map((row) =>
    storedEmailView(row, {
      events: events.get(row.id) ?? [],
      escalations: escalations.get(row.id) ?? [],
      recipients: recipients.get(row.id) ?? [],
    }),
  )
  return withSuppressions(db, views)
}

function byEmailId<Row extends { emailId: string }>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const group = groups.get(row.emailId)
    if (group) group.push(row)
    else groups.set(row.emailId, [row])
  }
  return groups
}
