/** Whom a request comes from, for limits by address. */
import type { IncomingMessage } from 'node:http'

/** Loopback, private and link-local addresses. */
export const isPrivateAddress = (address: string): boolean => privateAddress.test(address)

const privateAddress = /^(::ffff:)?(10\.|127\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|192\.168\.)|^(::1$|f[cd]|fe80)/i

/**
 * The client's address. Each proxy appends the address that it was called from to X-Forwarded-For: the client's is the entry that the
 * outermost of `proxyHops` trusted proxies appended, and what stands before it, the client may have invented. The header counts only from a
 * private address. Of an IPv6 address, the first half: the client chooses the rest (RFC 4291 §2.5.1).
 * @param proxyHops the number of proxies between the client and this process; 0: the header counts for nothing.
 */
export function clientAddressOf(request: IncomingMessage, proxyHops: number): string {
  const peer = request.socket.remoteAddress ?? ''
  const forwarded = isPrivateAddress(peer) ? String(request.headers['x-forwarded-for'] ?? '') : ''
  const entries = forwarded.split(',').map((entry) => entry.trim())
  const client = (proxyHops > 0 && (entries.at(-proxyHops) ?? entries[0])) || peer
  return client.includes(':') && !client.includes('.') ? client.split(':').slice(0, 4).join(':') : client
}
