import { ApplicationFailure } from '@temporalio/activity'
import { escalationIdOf, writeEscalation } from '../db/escalations.ts'
import { NoticeRefusedError, type SupportChannel, type SupportNotice } from '../notifications/channel.ts'
import { readNotice, recordAccepted, recordRefused } from '../notifications/notices.ts'
import { onDatabase } from './database-failure.ts'
import type { ActivityDependencies } from './dependencies.ts'
import type { LifecycleActivities } from './lifecycle-activities.ts'

type SupportActivities = Pick<LifecycleActivities, 'recordEscalation' | 'tellSupport'>

export const createSupportActivities = ({ db, channels, onChange }: ActivityDependencies): SupportActivities => ({
  recordEscalation: ({ provider, emailId, escalation }) =>
    onDatabase('EscalationRejected', async () => {
      const { version, conflict } = await writeEscalation(db, { provider, emailId }, escalation)
      onChange?.()
      return { channels: channels.map(({ name }) => name), version, ...(conflict && { conflict }) }
    }),

  async tellSupport({ provider, emailId, reason, notice, channel: name }) {
    const channel = channels.find((candidate) => candidate.name === name)
    if (!channel) return 'not_configured'
    const key = { escalationId: escalationIdOf({ provider, emailId }, reason), notice, channel: name }
    const supportNotice = await onDatabase('NoticeUnreadable', () => readNotice(db, key))
    if (!supportNotice) return 'told_before'
    await send(channel, supportNotice, () => onDatabase('NoticeRejected', () => recordRefused(db, key)))
    await onDatabase('NoticeRejected', () => recordAccepted(db, key))
    return 'told'
  },
})

/**
 * The failure does not contain the channel's own message: an SMTP server may quote the recipient.
 * @param onRefused called first if the channel rejects the notice for good.
 */
async function send(channel: SupportChannel, notice: SupportNotice, onRefused: () => Promise<unknown>): Promise<void> {
  try {
    await channel.send(notice)
  } catch (error) {
    if (!(error instanceof NoticeRefusedError)) {
      throw ApplicationFailure.retryable(`the ${channel.name} channel did not accept the notice`, 'ChannelUnavailable')
    }
    await onRefused()
    throw ApplicationFailure.nonRetryable(`the ${channel.name} channel rejected the notice`, 'NoticeRefused')
  }
}
