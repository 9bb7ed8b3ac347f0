/** Bounds of `received_at`: events are partitioned by month, and a statement with bounds does not search every month. */

import type { ReceivedBetween } from '../domain/received-between.ts'

/** More than any two clocks differ by, and little compared with a month. */
const slackMs = 86_400_000

/** @param between null searches all months. */
export function receivedBounds(between: ReceivedBetween | null): readonly [from: string, to: string] {
  if (between === null) return ['-infinity', 'infinity']
  const [from, to] = between
  return [new Date(from - slackMs).toISOString(), new Date(to + slackMs).toISOString()]
}
