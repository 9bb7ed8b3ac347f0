/** An email as the API tells it: the same shape wherever one is answered. */
import type { StoredEvent } from '../db/emails-read.ts'
import type { Email, Escalation } from '../db/generated/client.ts'
import { snapshotOf } from '../db/snapshots.ts'
import { type EmailKey, registrationEventType } from '../domain/events.ts'
import {
  deliveryOf,
  deliveryTimeMsOf,
  type Engagement,
  foldEvents,
  type Snapshot,
  sentAtOf,
  statusOf,
  unheardOf,
} from '../domain/lifecycle.ts'
import { lifecycleEventOf } from '../domain/received-event.ts'
import { workflowIdOf } from '../temporal/lives.ts'
import { escalationViewOf, isoTime } from './escalation-view.ts'

/** What is known of an email, wherever it is kept. */
interface KnownEmail extends EmailKey {
  readonly to: readonly string[]
  readonly subject: string | null
  readonly tags: readonly string[]
  readonly snapshot: Snapshot
  readonly status: string
  readonly delivery: string
  readonly createdAt: Date | number
  readonly updatedAt: Date | number
}

/** A stored email. `events` and `escalations` may hold those of other emails too. */
export const storedEmailView = (row: Email, events: readonly StoredEvent[], escalations: readonly Escalation[]) =>
  viewOf({ ...row, emailId: row.id, snapshot: snapshotOf(row) }, events, escalations)

/**
 * An email whose events were acknowledged but not applied yet: no workflow has stored it, and what was acknowledged must
 * still be seen. The same fold that the workflow will do, over what is stored; of several providers' emails the newest.
 * @param events of emails with one ID; at least one.
 */
export function unappliedEmailView(events: readonly StoredEvent[], escalations: readonly Escalation[]) {
  const newest = events.reduce((a, b) => (b.receivedAt > a.receivedAt ? b : a))
  const { provider, emailId } = newest
  const own = events.filter((event) => event.provider === provider && event.type !== registrationEventType)
  const snapshot = foldEvents(
    unheardOf,
    // A registration stores its email at once: none comes here.
    own.map((event) => foldable(event)),
  )
  // The same choice as saveSnapshot's, so that the answer does not change when the email is stored.
  const byId = own.toSorted((a, b) => (a.eventId < b.eventId ? -1 : 1))
  const email: KnownEmail = {
    provider,
    emailId,
    to: byId.find((event) => event.to.length > 0)?.to ?? [],
    subject: byId.find((event) => event.subject !== null)?.subject ?? null,
    tags: [],
    snapshot,
    status: statusOf(snapshot),
    delivery: deliveryOf(snapshot),
    createdAt: snapshot.firstReceivedAt ?? newest.receivedAt,
    updatedAt: newest.receivedAt,
  }
  return viewOf(email, own, escalations)
}

/** A stored event as the fold takes it. @param payload is looked at for a registration only. */
export const foldable = (event: StoredEvent, payload = '') =>
  lifecycleEventOf({
    id: event.eventId,
    type: event.type,
    occurredAt: event.occurredAt.getTime(),
    receivedAt: event.receivedAt.getTime(),
    bounce: { class: event.bounceClass === 'soft' ? 'soft' : 'hard', code: event.bounceCode },
    human: event.human,
    payload,
  })

function viewOf(email: KnownEmail, allEvents: readonly StoredEvent[], allEscalations: readonly Escalation[]) {
  const { provider, emailId, snapshot } = email
  const isOwn = (of: EmailKey) => of.provider === provider && of.emailId === emailId
  const events = allEvents.filter(isOwn)
  const escalations = allEscalations.filter(isOwn)
  return {
    id: emailId,
    provider,
    workflowId: workflowIdOf(email),
    to: email.to.length > 1 ? email.to : (email.to[0] ?? null),
    subject: email.subject,
    priority: snapshot.priority,
    tags: email.tags,
    status: email.status,
    delivery: email.delivery,
    opens: engagementView(snapshot.opens),
    clicks: engagementView(snapshot.clicks),
    bounce: bounceView(snapshot, events),
    ...timesOf(snapshot),
    stalledAt: isoTime(escalations.find((escalation) => escalation.reason === 'stalled')?.openedAt ?? null),
    createdAt: isoTime(email.createdAt),
    updatedAt: isoTime(email.updatedAt),
    events: events.filter((event) => event.type !== registrationEventType).map(eventView),
    escalations: escalations.map(escalationViewOf),
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

const engagementView = ({ total, human, firstAt, lastAt }: Engagement) => ({
  total,
  human,
  firstAt: isoTime(firstAt),
  lastAt: isoTime(lastAt),
})

/** The message stays with the event: a snapshot travels through Temporal, and a bounce message often names the address. */
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
  ...(event.quarantinedReason !== null && { quarantinedReason: event.quarantinedReason }),
  ...(event.machineReason !== null && { machineReason: event.machineReason }),
})
