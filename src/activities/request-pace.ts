/** The pace of requests to a provider. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Context } from '@temporalio/activity'

/** The published limit is kept by waiting between requests, which are made one after the other. */
export function untilNextRequest(requestsPerSecond: number, askedAt: number, now: number): Promise<void> {
  const leftMs = askedAt + 1_000 / requestsPerSecond - now
  return leftMs <= 0 ? Promise.resolve() : sleep(leftMs, undefined, { signal: Context.current().cancellationSignal })
}
