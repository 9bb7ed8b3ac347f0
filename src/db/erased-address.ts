/** The keyed hash that replaces an erased address: recognizable when the address is used again, but not readable. */
import { createHmac } from 'node:crypto'
import type { Database } from './database.ts'

const prefix = 'hmac-sha256:'

/**
 * The hash of `address` in the suppression list after its owner was erased. Without the key it cannot be found by trying likely
 * addresses. Null if there is no key.
 */
export const erasedKeyOf = ({ erasureKey }: Pick<Database, 'erasureKey'>, address: string): string | null =>
  erasureKey === null ? null : prefix + createHmac('sha256', erasureKey).update(address).digest('hex')

/** Whether this is the hash of an erased address. It has no `@`, so it cannot be an address. */
export const isErasedKey = (address: string): boolean => address.startsWith(prefix)
