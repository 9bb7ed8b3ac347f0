/** Notices in the database: their content, and which channel accepted, refused, skipped or holds which. */
import type { Database } from '../db/database.ts'
import type { EscalationReason, EscalationState } from '../domain/escalation.ts'
import type { Priority } from '../domain/events.ts'
import type { MessageReference, SupportNotice } from './channel.ts'

/** One notice of an escalation, for one channel. */
export interface NoticeKey {
  readonly escalationId: string
  readonly notice: number
  readonly channel: string
}

/** A notice to send. */
export interface PendingNotice {
  readonly content: SupportNotice
  /** Of the escalation's first message on the channel; null if this is the first. */
  readonly first: MessageReference
}

/**
 * The notice to send; null if the channel has already accepted, refused, skipped or held it. Indexes: notifications_pkey, escalations_pkey,
 * emails_pkey.
 */
export async function readNotice(db: Database, key: NoticeKey): Promise<PendingNotice | null> {
  const { escalationId, notice, channel } = key
  const earlier = await db.notification.findMany({ where: { escalationId, channel }, orderBy: { notice: 'asc' } })
  if (earlier.some((each) => each.notice === notice)) return null
  const content = await readContent(db, escalationId, notice)
  return { content, first: earlier.find(({ shownVersion }) => shownVersion !== null)?.reference ?? null }
}

/** The content of a notice, with the state of its escalation now. Indexes: escalations_pkey, emails_pkey. */
export async function readContent(db: Database, escalationId: string, notice: number): Promise<SupportNotice> {
  const escalation = await db.escalation.findUniqueOrThrow({ where: { id: escalationId } })
  const { provider, emailId } = escalation
  const email = await db.email.findUnique({ where: { id_provider: { id: emailId, provider } } })
  return {
    id: `${escalationId}.${notice}`,
    escalationId,
    notice,
    reason: escalation.reason as EscalationReason,
    detail: escalation.detail,
    provider,
    emailId,
    recipients: email?.to ?? [],
    subject: email?.subject ?? null,
    priority: (email?.priority ?? 'normal') as Priority,
    status: email?.status ?? 'queued',
    openedAt: escalation.openedAt.getTime(),
    state: escalation.state as EscalationState,
    acknowledgedBy: escalation.acknowledgedBy,
    snoozedUntil: escalation.snoozedUntil?.getTime() ?? null,
    resolvedBy: escalation.resolvedBy,
    version: escalation.version,
  }
}

/** What became of a notice on a channel. */
export type NoticeOutcome =
  | { readonly isRefused: true }
  | { readonly isSkipped: true }
  | { readonly heldUntil: Date }
  /** `shownVersion` where the message follows its escalation. */
  | { readonly reference: MessageReference; readonly shownVersion: number | null }

/** Records it, once. Index: notifications_pkey. */
export const recordOutcome = (
  db: Database,
  { escalationId, notice, channel }: NoticeKey,
  outcome: NoticeOutcome,
): Promise<unknown> =>
  db.notification.createMany({ data: [{ escalationId, notice, channel, ...outcome }], skipDuplicates: true })
