/**
 * A clock that goes with the machine's, and never back: what is received later has the later time, also when the machine's
 * clock is set back an hour. Without it, an email would look as if it had waited that hour, and its stall be told at once.
 *
 * For the time of receipt alone. Where others' timestamps are judged, the machine's own clock is right: one that was set
 * ahead for a moment would have this one stay ahead until the process ends.
 * @param wall epoch milliseconds.
 * @param elapsed milliseconds since some moment, by a clock that nobody sets.
 */
export function createSteadyClock(
  wall: () => number = Date.now,
  elapsed: () => number = () => performance.now(),
): () => number {
  let [told, toldAt] = [wall(), elapsed()]
  return () => {
    const now = elapsed()
    told = Math.max(wall(), told + now - toldAt)
    toldAt = now
    return Math.floor(told)
  }
}
