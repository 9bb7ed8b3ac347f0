/** Variable return paths (VERP): the address to which failures are reported contains the email's ID. */
import type { Mail } from './read-mail.ts'

const idPlace = '{id}'

/** Where servers write the address that a mail was delivered to: Postfix, Exim, qmail and others. `To` is last, since anyone writes it. */
const addressFields = ['delivered-to', 'x-original-to', 'envelope-to', 'x-envelope-to', 'x-delivered-to', 'to']

/**
 * The ID in the address that a mail was sent to.
 * @param patterns such as `bounce+{id}@bounces.example.com`.
 * @param envelope the addresses that the mail was handed over for; null if unknown.
 * @returns null if no pattern matches. The case of the ID is as written.
 */
export function idInReturnPath(patterns: readonly string[], envelope: readonly string[] | null, { fields }: Mail): string | null {
  const addresses = [...(envelope ?? []), ...addressFields.flatMap((name) => fields.all(name)).flatMap(addressesAsWritten)]
  const matchers = patterns.map(matcherOf)
  for (const address of addresses.slice(0, maxAddresses)) {
    for (const matcher of matchers) {
      const [, id] = matcher.exec(address) ?? []
      if (id !== undefined) return id
    }
  }
  return null
}

const maxAddresses = 100

/** Not normalized: an ID may have capitals. */
const addressesAsWritten = (list: string): string[] => list.match(/[^\s<>,;"]{1,250}@[^\s<>,;"]{1,250}/g) ?? []

function matcherOf(pattern: string): RegExp {
  const [before = '', after = ''] = pattern.split(idPlace).map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^<?${before}([^@\\s<>]{1,250})${after}>?$`, 'i')
}

/** Whether the text is a return path: an address with one `{id}` before the `@`. */
export const isReturnPath = (text: string): boolean => /^[^\s@{},;<>]{0,60}\{id\}[^\s@{},;<>]{0,60}@[a-z0-9.-]{1,250}$/i.test(text)
