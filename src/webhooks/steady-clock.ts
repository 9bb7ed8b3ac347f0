/**
 * A clock that follows the machine's but never runs back, so that receipt times stay in order when the machine's clock is
 * set back. Otherwise an email could seem to have waited an hour, and be reported as stalled at once.
 *
 * Only for receipt times: after the machine's clock was ahead for a moment, this one stays ahead until the process ends.
 * @param wall epoch milliseconds.
 * @param elapsed milliseconds of a monotonic clock.
 */
export function createSteadyClock(
  wall: () => number = Date.now,
  elapsed: () => number = () => performance.now(),
): () => number {
  let [last, lastElapsed] = [wall(), elapsed()]
  return () => {
    const now = elapsed()
    last = Math.max(wall(), last + now - lastElapsed)
    lastElapsed = now
    return Math.floor(last)
  }
}
