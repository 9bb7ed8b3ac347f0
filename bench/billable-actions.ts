import type { History } from '@temporalio/common/lib/proto-utils.js'

type HistoryEvent = NonNullable<History['events']>[number]

/** Each of these events is an action. A signal that starts the workflow is one action with its start. */
const actionAttributes = [
  'workflowExecutionSignaledEventAttributes',
  'workflowExecutionUpdateAcceptedEventAttributes',
  'timerStartedEventAttributes',
  'activityTaskScheduledEventAttributes',
] as const

/**
 * How many billable actions the events of a history stand for, as docs.temporal.io/cloud/actions counts them: all markers of one
 * workflow task are one action, and the search attribute that the SDK writes for a patch is none. What a run costs that another
 * one continued as new is not counted.
 */
export function billableActionsIn(events: readonly HistoryEvent[]): number {
  const plain = events.filter((event) => actionAttributes.some((name) => event[name])).length
  const markers = events.flatMap(({ markerRecordedEventAttributes: marker }) => (marker ? [marker] : []))
  const tasksWithMarkers = new Set(markers.map((marker) => String(marker.workflowTaskCompletedEventId)))
  const upserts = events.filter(({ upsertWorkflowSearchAttributesEventAttributes: upsert }) =>
    Object.keys(upsert?.searchAttributes?.indexedFields ?? {}).some((name) => name !== 'TemporalChangeVersion'),
  ).length
  return plain + tasksWithMarkers.size + upserts
}
