/** When an event is too old to be applied. */

/**
 * Why an old event is quarantined instead of applied; null if it is not old. Providers retry for one to three days. An event
 * that arrives after a week was replayed, or its clock was wrong, and needs a review.
 * @param event epoch milliseconds, by the provider's clock and by ours.
 */
export function tooOldReason(
  event: { readonly occurredAt: number; readonly receivedAt: number },
  maxEventAgeMs: number,
): string | null {
  if (event.receivedAt - event.occurredAt <= maxEventAgeMs) return null
  return 'older than MAX_EVENT_AGE when it was received'
}
