/** Timeouts and retries of each activity, and their reasons. All are explicit. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow'
import type { LifecycleActivities } from '../activities/lifecycle-activities.ts'

/**
 * One short statement per batch of events, on the path of every webhook. Local, since an ordinary activity adds three
 * history events and a round trip. A local activity that keeps failing holds back the workflow task and its signals, so it
 * fails after two seconds, and {@link retryingActivities} take over.
 */
export const localActivities = proxyLocalActivities<Pick<LifecycleActivities, 'saveSnapshot' | 'loadLife'>>({
  startToCloseTimeout: '2 seconds',
  scheduleToCloseTimeout: '2 seconds',
  retry: { initialInterval: '100 milliseconds', maximumAttempts: 2 },
})

/**
 * Statements that are retried until the database is available. Ordinary activities: the server retries them, which adds no
 * history. Also for what is rare (suppressions, escalations), which people then see by name in the Web UI.
 */
export const retryingActivities = proxyActivities<
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

/** The provider's API has half a minute. After that, the stall is escalated without its answer. */
export const { askProvider } = proxyActivities<Pick<LifecycleActivities, 'askProvider'>>({
  startToCloseTimeout: '10 seconds',
  scheduleToCloseTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumAttempts: 3, nonRetryableErrorTypes: ['ProviderRefused'] },
})

/** Retried for three days, since a channel may be unavailable for that long; an older notice is of no use. */
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
