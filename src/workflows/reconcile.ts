/** Reconciling with a provider: a workflow for each provider and project, so that no two ask the same account at once. */
import { continueAsNew, isCancellation, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow'
import type { MergedLists, ProviderListActivities, ReconcileActivities } from '../activities/scheduled-activities.ts'
import { runAsked } from './messages.ts'

/**
 * A minute of steps per call; the step that reads a provider's list takes longer. An attempt that hangs sends no heartbeat, and the next one
 * goes on from the stored cursor.
 */
const { reconcileNext: next } = proxyActivities<Pick<ReconcileActivities, 'reconcileNext'>>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '1 minute',
  // Then the run fails visibly, and the schedule's next one goes on from the same cursor.
  retry: { initialInterval: '5 seconds', maximumInterval: '1 minute', maximumAttempts: 10 },
})

export interface ReconcileInput {
  /** As it is stored: with the project before it, unless that is the default one. */
  readonly provider: string
  /** Of the runs that this one continues. */
  readonly compared?: number
  readonly missing?: number
}

/**
 * Compares the provider's record with ours, from where the last run ended, and stores what is missing.
 * @returns how many events were compared, and how many of them were missing.
 */
export async function reconcile({ provider, compared = 0, missing = 0 }: ReconcileInput): Promise<{
  compared: number
  missing: number
}> {
  const sum = { compared, missing }
  let isAsked = false
  setHandler(runAsked, () => {
    isAsked = true
  })
  for (;;) {
    isAsked = false
    const done = await next({ provider })
    sum.compared += done.compared
    sum.missing += done.missing
    if (done.isDone && !isAsked) return sum
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof reconcile>({ provider, ...sum })
  }
}

/** Starts one run for each provider that has a record to compare. */
const { startReconciliations: startAll } = proxyActivities<Pick<ReconcileActivities, 'startReconciliations'>>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '5 seconds', maximumInterval: '1 minute' },
})

export const reconcileProviders = (): Promise<{ started: string[] }> => startAll()

/** All pages of a provider in one call: a cursor may hold an address, and stays out of the history. */
const { providersWithLists, mergeSuppressions } = proxyActivities<ProviderListActivities>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '1 minute',
  // An account that gives no answer waits for the next run, and the others are not held up.
  retry: { initialInterval: '5 seconds', maximumInterval: '1 minute', maximumAttempts: 5 },
})

/**
 * Suppresses the addresses on the providers' own lists that are not on ours. Nothing is removed, and nothing is sent to a provider.
 * @returns by provider, how many addresses were listed, and how many of them added; null for one that gave no answer.
 */
export async function mergeSuppressionLists(): Promise<Record<string, MergedLists | null>> {
  const merged: Record<string, MergedLists | null> = {}
  for (const provider of await providersWithLists()) {
    merged[provider] = await mergeSuppressions({ provider }).catch(nullUnlessCancelled)
  }
  return merged
}

function nullUnlessCancelled(error: unknown): null {
  if (isCancellation(error)) throw error
  return null
}
