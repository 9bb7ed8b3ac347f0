/**
 * A histogram of delivery times. Histograms can be added up, percentiles cannot. Bins grow by a constant factor, so the
 * relative error of a percentile is constant, for seconds as for days.
 * Source: Masson, Rim and Lee, DDSketch, PVLDB 12(12), 2019, §2.
 */

/** The greatest relative error of a percentile. */
export const percentileError = 0.05

/**
 * A bin's upper end divided by its lower end. Bin `i` holds the times in `(growth^(i-1), growth^i]` milliseconds; times are
 * whole milliseconds, and 0 counts as 1.
 */
export const binGrowth = (1 + percentileError) / (1 - percentileError)

/** A bin that is not empty. */
export interface Bin {
  readonly index: number
  readonly count: number
}

/** The value of a bin, at most {@link percentileError} away from each value in it; milliseconds. */
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
