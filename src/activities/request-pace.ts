/** The pace of requests to a provider. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Context } from '@temporalio/activity'

/**
 * The published limit is kept by waiting between requests, which are made one after the other. One that is late is made up for, by up to one
 * request: a token bucket that holds two.
 * @param dueAt when the last request was due. @returns when the next one is.
 */
export async function untilNextRequest(requestsPerSecond: number, dueAt: number, now: number): Promise<number> {
  const periodMs = 1_000 / requestsPerSecond
  const nextAt = Math.max(dueAt + periodMs, now - periodMs)
  if (nextAt > now) await sleep(nextAt - now, undefined, { signal: Context.current().cancellationSignal })
  return nextAt
}
