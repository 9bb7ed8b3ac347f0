/** Events are kept by the month in which they were received: who says when finds them without a look into every month. */

import type { ReceivedBetween } from '../domain/received-between.ts'

/** More than any two clocks of ours differ by, and little beside a month. */
const slackMs = 86_400_000

/** As bounds for `received_at`; null: in whichever month they are. */
export function receivedBounds(between: ReceivedBetween | null): readonly [from: string, to: string] {
  if (between === null) return ['-infinity', 'infinity']
  const [from, to] = between
  return [new Date(from - slackMs).toISOString(), new Date(to + slackMs).toISOString()]
}
