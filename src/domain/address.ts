/** Email addresses as keys: how they are compared, and what of them may be shown. */

const displayForm = /<([^<>]+)>\s*$/
const plausible = /^[^\s@<>]+@[^\s@<>]+$/

/**
 * An address as it is compared everywhere: without display name, trimmed, in lower case. RFC 5321 §2.4 lets local parts
 * differ by case, but no large receiver does, and a suppression that misses `Ada@` for `ada@` harms.
 * @returns null if `text` holds no plausible address.
 */
export function normalizeAddress(text: string): string | null {
  const address = (displayForm.exec(text)?.[1] ?? text).trim().toLowerCase()
  return plausible.test(address) && address.length <= 320 ? address : null
}

/** What stands in the place of an address that was erased. No address looks like it: it has no `@`. */
export const erasedAddress = 'erased'

/** The part after the `@` of a normalized address: all that may be told to Temporal. */
export const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1)
