import type { ActivityDependencies } from './dependencies.ts'
import type { LifecycleActivities } from './lifecycle-activities.ts'
import { createProviderActivities } from './provider-activities.ts'
import { createRecipientActivities } from './recipient-activities.ts'
import { createSnapshotActivities } from './snapshot-activities.ts'
import { createSupportActivities } from './support-activities.ts'

/** All activities of the email and incident workflows; one file per subject. */
export const createActivities = (dependencies: ActivityDependencies): LifecycleActivities => ({
  ...createSnapshotActivities(dependencies),
  ...createRecipientActivities(dependencies),
  ...createSupportActivities(dependencies),
  ...createProviderActivities(dependencies),
})
