/** Limits the sign-in attempts with wrong API keys from one IP address. */
import type { Context } from 'koa'

/** Attempts at once. */
const burst = 10
/** Then one attempt in this time. */
const refillMs = 30_000
/** The oldest is dropped first. An attacker with more addresses gets more attempts; an API key has 16 characters or more. */
const addressLimit = 10_000

export interface SignInLimit {
  /** How long this address must wait before the next attempt; 0 if it may try now. */
  waitMs(ctx: Context): number
  recordFailure(ctx: Context): void
}

export function createSignInLimit(clock: () => number): SignInLimit {
  /** By address: the number of failures at a time, from which it decreases. A Map iterates in order of insertion. */
  const failures = new Map<string, { readonly count: number; readonly at: number }>()
  const countOf = (address: string): number => {
    const known = failures.get(address)
    return known ? Math.max(0, known.count - (clock() - known.at) / refillMs) : 0
  }
  return {
    waitMs: (ctx) => Math.max(0, Math.ceil((countOf(addressOf(ctx)) - (burst - 1)) * refillMs)),
    recordFailure(ctx) {
      const address = addressOf(ctx)
      const count = countOf(address) + 1
      failures.delete(address)
      failures.set(address, { count, at: clock() })
      const [oldest] = failures.keys()
      if (failures.size > addressLimit && oldest !== undefined) failures.delete(oldest)
    },
  }
}

const privateAddress = /^(::ffff:)?(10\.|127\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|192\.168\.)|^(::1$|f[cd]|fe80)/i

/**
 * The client's address. X-Forwarded-For counts only from a private address, that is from a proxy, which appends its client.
 * Of an IPv6 address, the first half: the client chooses the rest (RFC 4291 §2.5.1).
 */
function addressOf(ctx: Context): string {
  const peer = ctx.req.socket.remoteAddress ?? ''
  const client = privateAddress.test(peer) ? ctx.get('X-Forwarded-For').split(',').at(-1)?.trim() || peer : peer
  return client.includes(':') && !client.includes('.') ? client.split(':').slice(0, 4).join(':') : client
}
