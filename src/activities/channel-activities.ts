import { activityInfo } from '@temporalio/activity'
import { forgetOldChanges, readMissedChanges } from '../db/notifications.ts'
import { showState } from '../notifications/delivery.ts'
import { sendDigests } from '../notifications/digests.ts'
import { onDatabase } from './database-failure.ts'
import type { ScheduledDependencies } from './dependencies.ts'
import type { ScheduledActivities } from './scheduled-activities.ts'

type ChannelActivities = Pick<ScheduledActivities, 'serveChannels'>

/** Of one call; the next one continues. Each may take as long as a channel's timeout. */
const maxChanges = 25

/** A channel that is away holds back no other, and fails no run: the next one tries it again. */
export const createChannelActivities = ({
  db,
  teamChannels,
}: Pick<ScheduledDependencies, 'db' | 'teamChannels'>): ChannelActivities => ({
  serveChannels: () =>
    onDatabase('DigestUnreadable', async () => {
      if (teamChannels.length === 0) return { digests: 0, changes: 0, failed: 0 }
      const clock = () => activityInfo().scheduledTimestampMs
      const digests = await sendDigests({ db, clock }, teamChannels)
      await forgetOldChanges(db)
      const showing = teamChannels.flatMap(({ name, showState: shows }) => (shows ? [name] : []))
      const missed = await readMissedChanges(db, showing, maxChanges)
      const shown = await Promise.allSettled(
        missed.flatMap(({ escalationId, channel: name }) =>
          teamChannels
            .filter((channel) => channel.name === name)
            .map((channel) => showState({ db }, channel, escalationId)),
        ),
      )
      const changes = shown.filter(({ status }) => status === 'fulfilled').length
      return { digests: digests.sent, changes, failed: digests.failed + shown.length - changes }
    }),
})
