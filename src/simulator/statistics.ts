/** Counts and response times of a simulation's requests. */

export interface Tally {
  /** Accepted requests, without duplicates. */
  sent: number
  /** Accepted duplicates. */
  duplicates: number
  /** Attempts after the first one of a request. */
  retries: number
  /** Requests that were given up. */
  failed: number
}

export interface Statistics {
  /** By kind: `registration`, or the event's type. */
  readonly tallies: Map<string, Tally>
  /** Response times of the accepted requests. */
  readonly latenciesMs: number[]
  /** The number of requests that were given up, by error. */
  readonly failures: Map<string, number>
}

export const createStatistics = (): Statistics => ({ tallies: new Map(), latenciesMs: [], failures: new Map() })

/** The tally of `kind`, created if there is none. */
export function tallyOf({ tallies }: Statistics, kind: string): Tally {
  const tally = tallies.get(kind) ?? { sent: 0, duplicates: 0, retries: 0, failed: 0 }
  tallies.set(kind, tally)
  return tally
}

/** The nearest-rank percentile of `values`; null if there are none. @param share from 0 to 1. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null
}
