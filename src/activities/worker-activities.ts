/** All activities of a worker. Types only. */
import type { LifecycleActivities } from './lifecycle-activities.ts'
import type { MailboxActivities } from './mailbox-activities.ts'
import type { ScheduledActivities } from './scheduled-activities.ts'

/** A test's worker may leave out those of scheduled jobs and mailboxes. */
export type WorkerActivities = LifecycleActivities & Partial<ScheduledActivities & MailboxActivities>
