/** Limits how often one client may present a wrong key. A right key is always let in: nobody can lock others out. */
import type { Context } from 'koa'
import { clientAddressOf } from './client-address.ts'
import { Problem } from './problem.ts'

export interface FailedKeys {
  /**
   * Counts a wrong key. To be called before anything is awaited, so that requests at the same moment are all counted.
   * @throws Problem 429 if this client has presented too many; that one is not counted.
   */
  count(ctx: Context): void
}

export interface FailedKeysOptions {
  /** Wrong keys at once. */
  readonly burst: number
  /** Then one in this time. */
  readonly refillMs: number
  /** See {@link clientAddressOf}. */
  readonly proxyHops: number
  /** Epoch milliseconds. */
  readonly clock: () => number
}

/** The oldest is dropped first. An attacker with more addresses gets more attempts; a key has 16 characters or more. */
const addressLimit = 10_000

export function createFailedKeys({ burst, refillMs, proxyHops, clock }: FailedKeysOptions): FailedKeys {
  /** By address: the number of failures at a time, from which it decreases. A Map iterates in order of insertion. */
  const failures = new Map<string, { readonly count: number; readonly at: number }>()
  return {
    count(ctx) {
      const address = clientAddressOf(ctx.req, proxyHops)
      const known = failures.get(address)
      const now = clock()
      const count = known ? Math.max(0, known.count - (now - known.at) / refillMs) : 0
      const waitSeconds = Math.ceil(((count - (burst - 1)) * refillMs) / 1_000)
      if (waitSeconds > 0) {
        throw new Problem(429, `too many attempts with wrong keys: try again in ${waitSeconds} seconds`, {
          headers: { 'Retry-After': String(waitSeconds) },
        })
      }
      failures.delete(address)
      failures.set(address, { count: count + 1, at: now })
      const [oldest] = failures.keys()
      if (failures.size > addressLimit && oldest !== undefined) failures.delete(oldest)
    },
  }
}
