/** Graceful shutdown within a time limit, even if servers do not answer. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'

/** Less than the 30 seconds of Compose and Kubernetes before they kill, so that the log says what happened. */
export const stopWithinMs = 27_000

/**
 * Runs one step of the shutdown, and continues if it fails or takes longer than `boundMs`: closing a connection to a server
 * that vanished takes until the TCP timeout of 15 minutes. Never throws.
 */
export async function stopStep(
  log: Pick<Logger, 'warn'>,
  step: string,
  boundMs: number,
  work: () => Promise<unknown>,
): Promise<void> {
  const over = new AbortController()
  const late = sleep(boundMs, 'late', { signal: over.signal }).catch(() => null)
  try {
    const outcome = await Promise.race([work(), late])
    if (outcome === 'late') log.warn({ step, boundMs }, 'a shutdown step took too long and was skipped')
  } catch (error) {
    log.warn({ step, reason: error instanceof Error ? error.message : String(error) }, 'a shutdown step failed')
  } finally {
    over.abort()
  }
}

/** Exits with code 1 and a message if the process still runs after `afterMs`. */
export function exitAfterTimeout(print: (line: string) => void, afterMs = stopWithinMs): void {
  setTimeout(() => {
    print(`Not stopped after ${afterMs / 1_000} s: exiting. The next process repeats unfinished work.`)
    process.exit(1)
  }, afterMs)
}
