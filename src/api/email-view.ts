/** An email as the API returns it, in the same form everywhere. */
import type { Database } from '../db/database.ts'
import type { StoredEvent } from '../db/emails-read.ts'
import type { Email, EmailRecipient, Escalation } from '../db/generated/client.ts'
import { findActiveSuppressions } from '../db/suppressions.ts'
import { type EmailKey, registrationEventType } from '../domain/events.ts'
import {
  deliveryOf,
  deliveryTimeMsOf,
  emptySnapshot,
  foldEvents,
  type Snapshot,
  sentAtOf,
  statusOf,
} from '../domain/lifecycle.ts'
import { type Metadata, mergedOwnIds, type OwnIds } from '../domain/own-ids.ts'
import { projectOf, suppressionListOf } from '../domain/project.ts'
import { workflowIdOf } from '../temporal/email-workflows.ts'
import { escalationViewOf, isoTime } from './escalation-view.ts'
import { failureOf, failureOfEvent } from './failure-view.ts'
import { foldableEvent } from './foldable-event.ts'
import {
  deliveredToOf,
  engagementView,
  foldedRecipients,
  type KnownRecipients,
  recipientViews,
  storedRecipients,
} from './recipient-view.ts'

/** What is known of an email, stored or not. */
interface KnownEmail extends EmailKey {
  readonly to: readonly string[]
  readonly subject: string | null
  readonly tags: readonly string[]
  readonly externalId: string | null
  readonly metadata: unknown
  readonly snapshot: Snapshot
  readonly status: string
  readonly delivery: string
  readonly createdAt: Date | number
  readonly updatedAt: Date | number
}

/** What is stored beside an email. It may hold rows of other emails too. */
export interface EmailParts {
  readonly events: readonly StoredEvent[]
  readonly escalations: readonly Escalation[]
  readonly recipients: readonly EmailRecipient[]
}

/** What is stored beside one email. */
export function partsOf({ provider, emailId }: EmailKey, parts: EmailParts): EmailParts {
  const isOwn = (of: EmailKey) => of.provider === provider && of.emailId === emailId
  return {
    events: parts.events.filter(isOwn),
    escalations: parts.escalations.filter(isOwn),
    recipients: parts.recipients.filter(isOwn),
  }
}

/** A stored email, except for {@link withSuppressions}. */
export function storedEmailView(row: Email, parts: EmailParts) {
  const key = { provider: row.provider, emailId: row.id }
  const own = partsOf(key, parts)
  const known = storedRecipients(row, own.recipients, own.events)
  return viewOf({ ...row, ...key, snapshot: known.snapshot }, known, own)
}

/**
 * An email whose events were acknowledged but not applied yet, so that no workflow has stored it. Folds its stored events as
 * the workflow will; of several providers' emails, the newest.
 * @param parts with the events of emails with one ID; at least one.
 */
export function unappliedEmailView(parts: EmailParts) {
  const newest = parts.events.reduce((a, b) => (b.receivedAt > a.receivedAt ? b : a))
  const { provider, emailId } = newest
  const own = partsOf(newest, parts)
  // A registration stores its email at once, so there is none among these.
  const events = own.events.filter((event) => event.type !== registrationEventType)
  const snapshot = foldEvents(
    emptySnapshot,
    events.map((event) => foldableEvent(event)),
  )
  // The same order as in saveSnapshot, so that the answer does not change when the email is stored.
  const byId = events.toSorted((a, b) => (a.eventId < b.eventId ? -1 : 1))
  const email: KnownEmail = {
    provider,
    emailId,
    to: byId.find((event) => event.to.length > 0)?.to ?? [],
    subject: byId.find((event) => event.subject !== null)?.subject ?? null,
    tags: [],
    ...mergedOwnIds(events.map(ownIdsOf)),
    snapshot,
    status: statusOf(snapshot),
    delivery: deliveryOf(snapshot),
    createdAt: snapshot.firstReceivedAt ?? newest.receivedAt,
    updatedAt: newest.receivedAt,
  }
  return viewOf(email, foldedRecipients(email.to, snapshot), { ...own, events })
}

const ownIdsOf = ({ externalId, metadata }: StoredEvent): OwnIds => ({
  externalId,
  metadata: metadata as Metadata | null,
})

export type EmailView = ReturnType<typeof viewOf>

/**
 * Says of each recipient whether the suppression list of its project has it. One statement for all emails of a list.
 * Index: suppressions_active_address_project.
 */
export async function withSuppressions(db: Database, emails: readonly EmailView[]): Promise<EmailView[]> {
  const listOf = ({ provider }: EmailView) => suppressionListOf(db, projectOf(provider))
  const suppressed = new Map<string, ReadonlySet<string>>()
  for (const list of new Set(emails.map(listOf))) {
    const known = emails.filter((email) => listOf(email) === list)
    const addresses = new Set(known.flatMap(({ recipients }) => recipients.map(({ address }) => address)))
    const found = addresses.size === 0 ? [] : await findActiveSuppressions(db, list, [...addresses])
    suppressed.set(list, new Set(found.map(({ address }) => address)))
  }
  return emails.map((email) => ({
    ...email,
    recipients: email.recipients.map((one) => ({
      ...one,
      suppressed: suppressed.get(listOf(email))?.has(one.address) ?? false,
    })),
  }))
}

function viewOf(email: KnownEmail, known: KnownRecipients, { events, escalations }: EmailParts) {
  const { provider, emailId, snapshot } = email
  const recipients = recipientViews(known, email, events)
  return {
    id: emailId,
    provider,
    workflowId: workflowIdOf(email),
    to: email.to.length > 1 ? email.to : (email.to[0] ?? null),
    subject: email.subject,
    priority: snapshot.priority,
    tags: email.tags,
    externalId: email.externalId,
    metadata: (email.metadata ?? {}) as Metadata,
    status: email.status,
    delivery: email.delivery,
    deliveredTo: deliveredToOf(recipients),
    opens: engagementView(snapshot.opens),
    clicks: engagementView(snapshot.clicks),
    bounce: bounceView(snapshot, events),
    failure: failureOf(snapshot, events),
    ...timesOf(snapshot),
    stalledAt: isoTime(escalations.find((escalation) => escalation.reason === 'stalled')?.openedAt ?? null),
    createdAt: isoTime(email.createdAt),
    updatedAt: isoTime(email.updatedAt),
    recipients,
    events: events.filter((event) => event.type !== registrationEventType).map(eventView),
    escalations: escalations.map(escalationViewOf),
    foundBy: foundByOf(snapshot, events),
  }
}

const timesOf = (snapshot: Snapshot) => ({
  complainedAt: isoTime(snapshot.complainedAt),
  queuedAt: isoTime(snapshot.queuedAt),
  sendingAt: isoTime(snapshot.sendingAt),
  sentAt: isoTime(sentAtOf(snapshot)),
  deliveredAt: isoTime(snapshot.deliveredAt),
  deliveryTimeMs: deliveryTimeMsOf(snapshot),
  registeredAt: isoTime(snapshot.registeredAt),
})

/** How the email was found if nobody registered it and no webhook reported it; null for any other. */
function foundByOf({ registeredAt }: Snapshot, events: readonly StoredEvent[]): string | null {
  const isFound = registeredAt === null && events.length > 0 && events.every(({ foundBy }) => foundBy !== null)
  return isFound ? (events[0]?.foundBy ?? null) : null
}

/** The message comes from the event: snapshots pass through Temporal, and a bounce message often contains the address. */
function bounceView({ bounce }: Snapshot, events: readonly StoredEvent[]) {
  if (bounce === null) return null
  const message = events.find((event) => event.eventId === bounce.eventId)?.bounceMessage ?? null
  return { class: bounce.class, code: bounce.code, message, at: isoTime(bounce.at) }
}

const eventView = (event: StoredEvent) => ({
  id: event.eventId,
  type: event.type,
  occurredAt: isoTime(event.occurredAt),
  receivedAt: isoTime(event.receivedAt),
  appliedAt: isoTime(event.appliedAt),
  recipient: event.recipient,
  ...(event.quarantinedReason !== null && { quarantinedReason: event.quarantinedReason }),
  ...(event.machineReason !== null && { machineReason: event.machineReason }),
  ...(event.type === 'bounced' && { failure: failureOfEvent(event) }),
  ...(event.response !== null && { response: event.response }),
  ...(event.list !== null && { list: event.list }),
  ...(event.foundBy !== null && { foundBy: event.foundBy }),
})
