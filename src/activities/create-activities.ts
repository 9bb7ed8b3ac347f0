import type { Database } from '../db/database.ts'
import type { Metrics } from '../metrics.ts'
import type { SupportChannel } from '../notify/support.ts'
import type { ProviderApi } from '../providers/provider.ts'
import type { LifecycleActivities } from './lifecycle-activities.ts'
import { createProviderActivities } from './provider-activities.ts'
import { createRecipientActivities } from './recipient-activities.ts'
import { createSnapshotActivities } from './snapshot-activities.ts'
import { createSupportActivities } from './support-activities.ts'

/** What the activities work with. */
export interface ActivityDependencies {
  readonly db: Database
  /** How support is told; at least one channel. */
  readonly channels: readonly SupportChannel[]
  /** The providers that can be asked about an email, by name. */
  readonly providerApis: ReadonlyMap<string, Pick<ProviderApi, 'fetchEvents'>>
  readonly metrics: Pick<Metrics, 'eventsTotal'>
}

/** All activities of the lifecycle workflow, each in the file of what it is about. */
export const createActivities = (dependencies: ActivityDependencies): LifecycleActivities => ({
  ...createSnapshotActivities(dependencies),
  ...createRecipientActivities(dependencies),
  ...createSupportActivities(dependencies),
  ...createProviderActivities(dependencies),
})
