/**
 * Delivery times as a histogram that can be added up: percentiles of percentiles mean nothing, sums of bins do. Bins are
 * spaced by a constant factor, so the error of a percentile is a constant share of it, at a second as at a day.
 * Source: Masson, Rim and Lee, DDSketch, PVLDB 12(12), 2019, §2.
 */

/** How far a percentile may be from the true one, as a share of it. */
export const percentileError = 0.05

/**
 * A bin's upper end divided by its lower end. Bin `i` holds the times in `(growth^(i-1), growth^i]` milliseconds; times are
 * whole milliseconds, and 0 counts as 1.
 */
export const binGrowth = (1 + percentileError) / (1 - percentileError)

/** One bin that holds something. */
export interface Bin {
  readonly index: number
  readonly count: number
}

/** The value of a bin that is at most {@link percentileError} away from everything in it; milliseconds. */
const middleOf = (index: number): number => (2 * binGrowth ** index) / (binGrowth + 1)

/**
 * The time within which a `share` of the emails was delivered, to within {@link percentileError}: the value at rank
 * `ceil(share * count)`. Milliseconds; null for an empty histogram.
 * @param bins in any order, each index once.
 */
export function percentileOf(bins: readonly Bin[], share: number): number | null {
  const total = bins.reduce((sum, { count }) => sum + count, 0)
  if (total === 0) return null
  const rank = Math.max(1, Math.ceil(share * total))
  let passed = 0
  for (const { index, count } of bins.toSorted((a, b) => a.index - b.index)) {
    passed += count
    if (passed >= rank) return middleOf(index)
  }
  return null
}
