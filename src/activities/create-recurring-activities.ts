import { activityInfo, heartbeat } from '@temporalio/activity'
import type { Database } from '../db/database.ts'
import { readOverdueEmails } from '../db/overdue-emails.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import type { Lives } from '../temporal/lives.ts'
import { onDatabase } from './database-failure.ts'
import type { RecurringActivities } from './recurring-activities.ts'
import { createRetentionActivities } from './retention-activities.ts'
import { createRollUpActivities } from './roll-up-activities.ts'

/** What the activities of recurring work need. */
export interface RecurringDependencies {
  readonly db: Database
  readonly lives: Pick<Lives, 'wake'>
  /** By which it is told whether an email is overdue. */
  readonly policy: LifecyclePolicy
}

const overdueLimit = 500

export const createRecurringActivities = ({ db, lives, policy }: RecurringDependencies): RecurringActivities => ({
  ...createRollUpActivities({ db }),
  ...createRetentionActivities({ db }),

  async wakeOverdueLives({ graceMs }) {
    const startedAt = activityInfo().scheduledTimestampMs
    const overdue = await onDatabase('OverdueUnreadable', () =>
      readOverdueEmails(db, { policy, dueBefore: startedAt - graceMs, limit: overdueLimit }),
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
