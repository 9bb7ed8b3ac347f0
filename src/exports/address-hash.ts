/** What stands for an address in exported files. */
import { createHmac } from 'node:crypto'

/** Gives the same hash for the same address, from which it cannot be found without the key. */
export type AddressHash = (address: string) => string

const hmac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('hex')

/**
 * HMAC-SHA256 of an address (normalized) with EXPORT_HASH_KEY, or with a key that is derived from ERASURE_KEY, which cannot be found from
 * it: whoever looks addresses up in the files need not know the key of erasures.
 * @returns null without either key.
 */
export function exportHashKey(own: string | null, erasureKey: string | null): string | null {
  return own ?? (erasureKey === null ? null : hmac(erasureKey, 'aftersend export key'))
}

export const createAddressHash =
  (key: string): AddressHash =>
  (address) =>
    hmac(key, address)

/** By it, a key is recognized; it cannot be found from it. */
export const exportKeyFingerprint = (key: string): string => hmac(key, 'aftersend export key fingerprint').slice(0, 16)
