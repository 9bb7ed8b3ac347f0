/** When an event comes too late to be believed. */

/**
 * Why an event that is told so late is put aside instead of applied; null if it is not. Providers retry for a day or three;
 * what comes after a week is a replay by somebody, or a clock gone wrong, and people are to look at it first.
 * @param event times in epoch milliseconds, the provider's clock and ours.
 */
export function tooOldReason(
  event: { readonly occurredAt: number; readonly receivedAt: number },
  maxEventAgeMs: number,
): string | null {
  if (event.receivedAt - event.occurredAt <= maxEventAgeMs) return null
  return 'older than MAX_EVENT_AGE when it was received'
}
