import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits until `condition` holds.
 * @param withinMs after this the test fails; generous, since it is reached only when something is broken.
 */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not so within ${withinMs} ms: ${condition}`)
    await sleep(20)
  }
}
