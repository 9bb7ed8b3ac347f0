/** The runs that compare with a provider, and which part of its record is to be compared next. */

/**
 * Reconcile: events that are missing are stored. Audit: all that, and the state of every email and both lists are compared. Push and
 * push_removals change the provider's suppression list, pull_removals ours, because a person asked.
 */
export const reconciliationKinds = ['reconcile', 'audit', 'push', 'push_removals', 'pull_removals'] as const
export type ReconciliationKind = (typeof reconciliationKinds)[number]

/** Times in epoch milliseconds; the end is excluded. */
export interface TimeWindow {
  readonly from: number
  readonly to: number
}

/** Windows overlap by this, since clocks differ and records grow late. */
export const overlapMs = 15 * 60_000

/** How far back the first run looks: a day is what a new system may have missed. */
export const firstWindowMs = 24 * 3_600_000

export interface RecordFacts {
  /** The end of the last window; null before the first. */
  readonly through: number | null
  readonly now: number
  /** How long an event may be missing from the provider's record after it occurred. */
  readonly delayMs: number
  /** For how long the provider keeps its record. */
  readonly retainedMs: number
}

/** The next window. After a downtime it begins where the last one ended, as far back as the provider's record goes. */
export function nextWindow({ through, now, delayMs, retainedMs }: RecordFacts): TimeWindow | null {
  const to = now - delayMs
  const from = Math.max(through === null ? now - firstWindowMs : through - overlapMs, now - retainedMs)
  return from < to ? { from, to } : null
}
