import { createPublicKey } from 'node:crypto'
import { tagsOf } from '../domain/published-dns.ts'

/** The key of a DKIM record (RFC 6376 §3.6.1, RFC 8463). @returns null if it cannot be read; `bits` is null unless it is an RSA key. */
export function dkimKeyOf(record: string): { readonly bits: number | null } | null {
  const tags = tagsOf(record)
  const key = Buffer.from((tags.get('p') ?? '').replace(/\s/g, ''), 'base64')
  if ((tags.get('k') ?? 'rsa').toLowerCase() === 'ed25519') return key.length === 32 ? { bits: null } : null
  // RFC 6376 §3.6.1 and its erratum 3017: some publish the structure of RSA alone.
  for (const type of ['spki', 'pkcs1'] as const) {
    try {
      const { asymmetricKeyDetails } = createPublicKey({ key, format: 'der', type })
      return { bits: asymmetricKeyDetails?.modulusLength ?? null }
    } catch {
      // Then the other structure, or none.
    }
  }
  return null
}
