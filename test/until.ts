import { setTimeout as sleep } from 'node:timers/promises'

/** The pauses grow with what was waited: a query every 20 ms would take a core that what is waited for needs. */
const pause = { share: 0.1, leastMs: 10, mostMs: 100 }

/**
 * Waits until `condition` holds.
 * @param withinMs after this the test fails; generous, since it is reached only when something is broken.
 */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> {
  const startedAt = Date.now()
  while (!(await condition())) {
    const waitedMs = Date.now() - startedAt
    if (waitedMs > withinMs) throw new Error(`not so within ${withinMs} ms: ${condition}`)
    await sleep(Math.min(Math.max(waitedMs * pause.share, pause.leastMs), pause.mostMs))
  }
}
