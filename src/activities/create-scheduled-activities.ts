import { activityInfo, heartbeat } from '@temporalio/activity'
import { deleteAbandonedEndpoints } from '../db/endpoint-pulls.ts'
import { readPostedEndpointIds } from '../db/endpoints.ts'
import { readOverdueEmails } from '../db/overdue-emails.ts'
import { createChannelActivities } from './channel-activities.ts'
import { onDatabase } from './database-failure.ts'
import type { ScheduledDependencies } from './dependencies.ts'
import { createEventMonthActivities } from './event-month-activities.ts'
import { createRecipientDomainActivities } from './recipient-domain-activities.ts'
import { createRetentionActivities } from './retention-activities.ts'
import { createRollUpActivities } from './roll-up-activities.ts'
import type { ScheduledActivities } from './scheduled-activities.ts'
import { createWatchActivities } from './watch-activities.ts'

/** Emails per page. */
const pageSize = 500
/** Concurrent starts. Most are answered within milliseconds: the workflow is running already. */
const concurrentStarts = 8
/** After which an endpoint without a URL counts as left behind by a program that was killed. docs/webhooks-to-applications.md names it. */
const abandonedAfterMs = 60 * 60_000

/** All activities of the scheduled jobs; one file per subject. */
export const createScheduledActivities = ({
  emailWorkflows,
  policy,
  ...dependencies
}: ScheduledDependencies): ScheduledActivities => ({
  ...createRollUpActivities(dependencies),
  ...createWatchActivities(dependencies),
  ...createChannelActivities(dependencies),
  ...createRetentionActivities(dependencies),
  ...createEventMonthActivities(dependencies),
  ...createRecipientDomainActivities(dependencies),

  async startEndpoints() {
    const abandonedSince = new Date(activityInfo().scheduledTimestampMs - abandonedAfterMs)
    await onDatabase('EndpointsUnreadable', () => deleteAbandonedEndpoints(dependencies.db, abandonedSince))
    let started = 0
    for (const id of await onDatabase('EndpointsUnreadable', () => readPostedEndpointIds(dependencies.db))) {
      if (await dependencies.endpointWorkflows.ensureStarted(id)) started += 1
      heartbeat()
    }
    return { started }
  },

  async wakeOverdueLives({ graceMs, after = null }) {
    const dueBefore = activityInfo().scheduledTimestampMs - graceMs
    const query = { policy, channels: dependencies.channels, dueBefore, limit: pageSize }
    const { emails, next } = await onDatabase('OverdueUnreadable', () =>
      readOverdueEmails(dependencies.db, query, after),
    )
    let woken = 0
    for (let first = 0; first < emails.length; first += concurrentStarts) {
      const started = emails
        .slice(first, first + concurrentStarts)
        .map(({ recipientDomain, ...email }) => emailWorkflows.ensureStarted(email, recipientDomain))
      woken += (await Promise.all(started)).filter((isStarted) => isStarted).length
      heartbeat()
    }
    return { overdue: emails.length, woken, next }
  },
})
