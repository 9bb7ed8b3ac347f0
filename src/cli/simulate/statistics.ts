/** What was sent, counted while it is sent. */

export interface Tally {
  /** Taken by the receiver, first copies only. */
  sent: number
  /** Further copies of what was sent, taken as well. */
  duplicates: number
  /** Tries after the first of a request. */
  retries: number
  /** Given up. */
  failed: number
}

export interface Statistics {
  /** By what was posted: `registration`, or the event's type. */
  readonly tallies: Map<string, Tally>
  /** Milliseconds from request to answer, of every request that was answered with 2xx. */
  readonly latenciesMs: number[]
  /** Why requests were given up, by reason. */
  readonly failures: Map<string, number>
}

export const createStatistics = (): Statistics => ({ tallies: new Map(), latenciesMs: [], failures: new Map() })

/** The tally of `kind`, made if there is none. */
export function tallyOf({ tallies }: Statistics, kind: string): Tally {
  const tally = tallies.get(kind) ?? { sent: 0, duplicates: 0, retries: 0, failed: 0 }
  tallies.set(kind, tally)
  return tally
}

/** The value below or at which `share` of the sorted `values` lie (nearest rank); null for none. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null
}
