/** How often one address may present wrong API keys. */
import type { Context } from 'koa'

/** So many at once … */
const burst = 10
/** … and then one each so long. */
const regainMs = 30_000
/**
 * Addresses remembered at most; the one that failed longest ago is forgotten first. Who has so many can try more often,
 * but an API key has 16 characters or more.
 */
const addressLimit = 10_000

export interface SignInLimit {
  /** How long this address must wait before it may try; 0 if it may now. */
  waitMsOf(ctx: Context): number
  noteFailure(ctx: Context): void
}

export function createSignInLimit(clock: () => number): SignInLimit {
  /** By address, the failures that count and when that was so. A Map keeps the order in which addresses were set. */
  const failures = new Map<string, { readonly count: number; readonly at: number }>()
  const countOf = (address: string): number => {
    const known = failures.get(address)
    return known ? Math.max(0, known.count - (clock() - known.at) / regainMs) : 0
  }
  return {
    waitMsOf: (ctx) => Math.max(0, Math.ceil((countOf(addressOf(ctx)) - (burst - 1)) * regainMs)),
    noteFailure(ctx) {
      const address = addressOf(ctx)
      const count = countOf(address) + 1
      failures.delete(address)
      failures.set(address, { count, at: clock() })
      const [oldest] = failures.keys()
      if (failures.size > addressLimit && oldest !== undefined) failures.delete(oldest)
    },
  }
}

const nearby = /^(::ffff:)?(10\.|127\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|192\.168\.)|^(::1$|f[cd]|fe80)/i

/**
 * Whom the request comes from. A proxy stands nearby and names its client last; anyone else could write what they like.
 * Of an IPv6 address the first half: the rest is the client's to choose (RFC 4291 §2.5.1).
 */
function addressOf(ctx: Context): string {
  const peer = ctx.req.socket.remoteAddress ?? ''
  const client = nearby.test(peer) ? ctx.get('X-Forwarded-For').split(',').at(-1)?.trim() || peer : peer
  return client.includes(':') && !client.includes('.') ? client.split(':').slice(0, 4).join(':') : client
}
