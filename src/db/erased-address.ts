/** How the address of somebody who was erased is kept: so that it is recognised when it comes again, and cannot be read. */
import { createHmac } from 'node:crypto'
import type { Database } from './database.ts'

const prefix = 'hmac-sha256:'

/**
 * What stands for `address` in the suppression list once its owner was erased: without the key nobody can tell whose it
 * is, not even by trying all likely addresses. Null where there is no key.
 */
export const erasedKeyOf = ({ erasureKey }: Pick<Database, 'erasureKey'>, address: string): string | null =>
  erasureKey === null ? null : prefix + createHmac('sha256', erasureKey).update(address).digest('hex')

/** Whether this stands for the address of somebody who was erased. No address looks like it: it has no `@`. */
export const isErasedKey = (address: string): boolean => address.startsWith(prefix)
