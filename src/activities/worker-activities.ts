/** Everything that a worker can be asked to do. Types only. */
import type { LifecycleActivities } from './lifecycle-activities.ts'
import type { RecurringActivities } from './recurring-activities.ts'

/** A worker of a test may do without what comes round by itself. */
export type WorkerActivities = LifecycleActivities & Partial<RecurringActivities>
