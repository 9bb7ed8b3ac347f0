import { activityInfo, heartbeat } from '@temporalio/activity'
import { readOverdueEmails } from '../db/overdue-emails.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import type { Lives } from '../temporal/lives.ts'
import { onDatabase } from './database-failure.ts'
import { createEventMonthActivities } from './event-month-activities.ts'
import type { RecurringActivities } from './recurring-activities.ts'
import { createRetentionActivities } from './retention-activities.ts'
import { createRollUpActivities } from './roll-up-activities.ts'
import { createWatchActivities, type WatchDependencies } from './watch-activities.ts'

/** What the activities of recurring work need. */
export interface RecurringDependencies extends WatchDependencies {
  readonly lives: Pick<Lives, 'wake'>
  /** By which it is told whether an email is overdue. */
  readonly policy: LifecyclePolicy
}

const overdueLimit = 500

export const createRecurringActivities = ({
  lives,
  policy,
  ...watching
}: RecurringDependencies): RecurringActivities => ({
  ...createRollUpActivities(watching),
  ...createWatchActivities(watching),
  ...createRetentionActivities(watching),
  ...createEventMonthActivities(watching),

  async wakeOverdueLives({ graceMs }) {
    const startedAt = activityInfo().scheduledTimestampMs
    const overdue = await onDatabase('OverdueUnreadable', () =>
      readOverdueEmails(watching.db, { policy, dueBefore: startedAt - graceMs, limit: overdueLimit }),
    )
    let woken = 0
    for (const { recipientDomain, ...email } of overdue) {
      if (await lives.wake(email, recipientDomain)) woken += 1
      heartbeat()
    }
    // Those that run already are late by themselves (a policy was changed, a worker is slow): they are found again.
    return { overdue: overdue.length, woken, hasMore: overdue.length === overdueLimit && woken > 0 }
  },
})
