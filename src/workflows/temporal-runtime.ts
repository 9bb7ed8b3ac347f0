import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  log,
  patched,
  setCurrentDetails,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import { askProvider, localActivities, retryingActivities, tellSupport } from './activities.ts'
import type { WorkflowRuntime, WorkflowTimer } from './workflow-runtime.ts'

/** The {@link WorkflowRuntime} of a run on Temporal. */
export const temporalRuntime: WorkflowRuntime = {
  now: () => Date.now(),
  condition: async (isMet, timeoutMs) => {
    if (timeoutMs !== undefined) return condition(isMet, timeoutMs)
    await condition(isMet)
    return true
  },
  startTimer,
  patched,
  continueAsNewSuggested: () => workflowInfo().continueAsNewSuggested,
  allHandlersFinished,
  searchAttribute: (key) => workflowInfo().typedSearchAttributes.get(key),
  upsertSearchAttributes,
  setCurrentDetails,
  logError: (message, attributes) => log.error(message, attributes),
  local: localActivities,
  retrying: retryingActivities,
  askProvider,
  tellSupport,
}

function startTimer(ms: number): WorkflowTimer {
  const scope = new CancellationScope()
  const timer = { hasFired: false, cancel: () => scope.cancel() }
  scope
    .run(() => sleep(ms))
    .then(
      () => {
        timer.hasFired = true
      },
      (error) => {
        if (!isCancellation(error)) throw error
      },
    )
  return timer
}
