import { ApplicationFailure } from '@temporalio/activity'
import type { Database } from '../db/database.ts'
import { escalationIdOf, writeEscalation } from '../db/escalations.ts'
import type { EscalationReason } from '../domain/escalation.ts'
import type { Priority } from '../domain/events.ts'
import { NoticeRefusedError, type SupportChannel, type SupportNotice } from '../notify/support.ts'
import type { ActivityDependencies } from './create-activities.ts'
import { onDatabase } from './database-failure.ts'
import type { LifecycleActivities } from './lifecycle-activities.ts'

type SupportActivities = Pick<LifecycleActivities, 'recordEscalation' | 'tellSupport'>

export const createSupportActivities = ({ db, channels }: ActivityDependencies): SupportActivities => ({
  recordEscalation: ({ provider, emailId, escalation }) =>
    onDatabase('EscalationRejected', async () => {
      await writeEscalation(db, { provider, emailId }, escalation)
      return { channels: channels.map((channel) => channel.name) }
    }),

  async tellSupport({ provider, emailId, reason, notice, channel: name }) {
    const channel = channels.find((candidate) => candidate.name === name)
    if (!channel) return 'not_configured'
    const told = { escalationId: escalationIdOf({ provider, emailId }, reason), notice, channel: name }
    const supportNotice = await onDatabase('NoticeUnreadable', () => readNotice(db, told))
    if (!supportNotice) return 'told_before'
    await tell(channel, supportNotice)
    await onDatabase('NoticeRejected', () => db.notification.createMany({ data: [told], skipDuplicates: true }))
    return 'told'
  },
})

/** The notice to tell; null if this channel has taken it before. Indexes: notifications_pkey, escalations_pkey, emails_pkey. */
async function readNotice(
  db: Database,
  told: { escalationId: string; notice: number; channel: string },
): Promise<SupportNotice | null> {
  if (await db.notification.findUnique({ where: { escalationId_notice_channel: told } })) return null
  const escalation = await db.escalation.findUniqueOrThrow({ where: { id: told.escalationId } })
  const { provider, emailId } = escalation
  const email = await db.email.findUnique({ where: { id_provider: { id: emailId, provider } } })
  return {
    id: `${told.escalationId}.${told.notice}`,
    escalationId: told.escalationId,
    notice: told.notice,
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

/** The failure names the channel's own error only by its class: an SMTP server's words may quote the recipient. */
async function tell(channel: SupportChannel, notice: SupportNotice): Promise<void> {
  try {
    await channel.tell(notice)
  } catch (error) {
    throw error instanceof NoticeRefusedError
      ? ApplicationFailure.nonRetryable(`the ${channel.name} channel refused the notice`, 'NoticeRefused')
      : ApplicationFailure.retryable(`the ${channel.name} channel did not take the notice`, 'ChannelUnavailable')
  }
}
