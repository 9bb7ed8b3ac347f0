/** Notices in the database: their content, and which channel accepted or refused which. */
import type { Database } from '../db/database.ts'
import type { EscalationReason } from '../domain/escalation.ts'
import type { Priority } from '../domain/events.ts'
import type { SupportNotice } from './channel.ts'

/** One notice of an escalation, for one channel. */
export interface NoticeKey {
  readonly escalationId: string
  readonly notice: number
  readonly channel: string
}

/** The notice to send; null if the channel has already accepted or refused it. Indexes: notifications_pkey, escalations_pkey, emails_pkey. */
export async function readNotice(db: Database, key: NoticeKey): Promise<SupportNotice | null> {
  const { escalationId, notice, channel } = key
  const handled = { escalationId_notice_channel: { escalationId, notice, channel } }
  if (await db.notification.findUnique({ where: handled })) return null
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
  }
}

/** Records that the channel accepted it. Index: notifications_pkey. */
export const recordAccepted = (db: Database, key: NoticeKey): Promise<unknown> => record(db, key, false)

/** Records that the channel refused it for good, so that it is not retried. Index: notifications_pkey. */
export const recordRefused = (db: Database, key: NoticeKey): Promise<unknown> => record(db, key, true)

const record = (db: Database, { escalationId, notice, channel }: NoticeKey, isRefused: boolean): Promise<unknown> =>
  db.notification.createMany({ data: [{ escalationId, notice, channel, isRefused }], skipDuplicates: true })
