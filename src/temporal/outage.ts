import { setTimeout as sleep } from 'node:timers/promises'
import { createTemporalClient, type TemporalTarget } from './connection.ts'

/** Asked this often, and given as long to answer. */
const everyMs = 1_000

/** Less while it is away, since whoever waits for it waits for this too; a server that is slow is not away. */
const whileAway = { everyMs: 100, deadlineMs: 250 }

/** A blip is over before a worker notices. */
const missedForOutage = 3

/**
 * Asks Temporal every second whether it is there.
 * @param onAway told when it has not been for some times.
 * @returns true when it is back from an outage; false when `signal` said to stop before.
 */
export async function whenBackFromOutage(
  target: TemporalTarget,
  signal: AbortSignal,
  onAway: () => void,
): Promise<boolean> {
  const client = createTemporalClient(target)
  let missed = 0
  const isThere = () =>
    client
      .withDeadline(Date.now() + (missed < missedForOutage ? everyMs : whileAway.deadlineMs), () =>
        client.connection.workflowService.getSystemInfo({}),
      )
      .then(
        () => true,
        () => false,
      )
  try {
    while (!signal.aborted) {
      if (!(await isThere())) missed += 1
      else if (missed >= missedForOutage) return true
      else missed = 0
      if (missed === missedForOutage) onAway()
      await sleep(missed === 0 ? everyMs : whileAway.everyMs, undefined, { signal }).catch(() => {})
    }
    return false
  } finally {
    await client.connection.close()
  }
}
