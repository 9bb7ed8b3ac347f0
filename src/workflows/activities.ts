/** How each activity is called, and why so. Every timeout and retry is explicit. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow'
import type { LifecycleActivities } from '../activities/lifecycle-activities.ts'

/**
 * One short statement per batch of events, on the path of every webhook: local, since an ordinary activity would cost
 * three more history events and a round trip. A local activity that keeps failing would hold the workflow task and its
 * signals, so it gives up soon, and {@link patientActivities} go on.
 */
export const localActivities = proxyLocalActivities<Pick<LifecycleActivities, 'saveSnapshot' | 'loadLife'>>({
  startToCloseTimeout: '2 seconds',
  scheduleToCloseTimeout: '2 seconds',
  retry: { initialInterval: '100 milliseconds', maximumAttempts: 2 },
})

/**
 * Statements that may wait for the database as long as it takes: ordinary, since their retries are the server's and add
 * no history. Also for all that is rare (suppressions, escalations), so that people see it in the Web UI by name.
 */
export const patientActivities = proxyActivities<
  Pick<
    LifecycleActivities,
    'saveSnapshot' | 'loadLife' | 'quarantineEvents' | 'countSoftBounce' | 'suppressRecipient' | 'recordEscalation'
  >
>({
  startToCloseTimeout: '10 seconds',
  retry: {
    initialInterval: '500 milliseconds',
    backoffCoefficient: 2,
    maximumInterval: '5 seconds',
  },
})

/** The provider's API gets half a minute: past that, support is told without its word rather than late. */
export const { askProvider } = proxyActivities<Pick<LifecycleActivities, 'askProvider'>>({
  startToCloseTimeout: '10 seconds',
  scheduleToCloseTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumAttempts: 3, nonRetryableErrorTypes: ['ProviderRefused'] },
})

/** A channel may be down for days, and support must still hear of it once it is back; then it is history. */
export const { tellSupport } = proxyActivities<Pick<LifecycleActivities, 'tellSupport'>>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '3 days',
  retry: {
    initialInterval: '1 second',
    backoffCoefficient: 2,
    maximumInterval: '1 minute',
    nonRetryableErrorTypes: ['NoticeRefused'],
  },
})
