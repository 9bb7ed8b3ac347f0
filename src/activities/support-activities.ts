import { ApplicationFailure } from '@temporalio/activity'
import { escalationIdOf, writeEscalation } from '../db/escalations.ts'
import { readFollowing } from '../db/notifications.ts'
import type { Escalation } from '../domain/escalation.ts'
import { NoticeRefusedError } from '../notifications/channel.ts'
import { deliverNotice, showState } from '../notifications/delivery.ts'
import { SupportUnreachableError } from '../notifications/errors.ts'
import { onDatabase } from './database-failure.ts'
import type { ActivityDependencies } from './dependencies.ts'
import type { LifecycleActivities } from './lifecycle-activities.ts'

type SupportActivities = Pick<LifecycleActivities, 'recordEscalation' | 'tellSupport'>

export function createSupportActivities({ db, channels, onChange }: ActivityDependencies): SupportActivities {
  /** The channels that show a change. What is open again is shown by the next notice. */
  const followingOf = async (escalationId: string, { state }: Escalation): Promise<string[]> => {
    const names = channels.flatMap(({ name, showState: shows }) => (shows ? [name] : []))
    if (state === 'open' || names.length === 0) return []
    return (await readFollowing(db, escalationId)).filter((name) => names.includes(name))
  }
  return {
    recordEscalation: ({ provider, emailId, escalation }) =>
      onDatabase('EscalationRejected', async () => {
        const { version, conflict } = await writeEscalation(db, { provider, emailId }, escalation)
        const following = await followingOf(escalationIdOf({ provider, emailId }, escalation.reason), escalation)
        onChange?.()
        return {
          ...{ channels: channels.map(({ name }) => name), version },
          ...(conflict && { conflict }),
          ...(following.length > 0 && { following }),
        }
      }),

    async tellSupport({ provider, emailId, reason, notice, channel: name, change }) {
      const channel = channels.find((candidate) => candidate.name === name)
      if (!channel) return 'not_configured'
      const escalationId = escalationIdOf({ provider, emailId }, reason)
      return onDatabase('NoticeRejected', async () => {
        try {
          if (change === undefined)
            return await deliverNotice({ db, clock: Date.now }, channel, { escalationId, notice })
          return (await showState({ db }, channel, escalationId)) > 0 ? 'told' : 'told_before'
        } catch (error) {
          throw failureOf(error, name)
        }
      })
    },
  }
}

/** Without the channel's own message: an SMTP server may quote the recipient. Of an error that is no channel's, the error itself. */
function failureOf(error: unknown, channel: string): unknown {
  if (error instanceof NoticeRefusedError) {
    return ApplicationFailure.nonRetryable(`the ${channel} channel rejected the notice`, 'NoticeRefused')
  }
  if (!(error instanceof SupportUnreachableError)) return error
  return ApplicationFailure.create({
    message: `the ${channel} channel did not accept the notice`,
    type: 'ChannelUnavailable',
    ...(error.retryAfterMs !== null && { nextRetryDelay: error.retryAfterMs }),
  })
}
