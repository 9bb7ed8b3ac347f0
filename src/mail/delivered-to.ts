/** To which addresses a mail was delivered. */
import type { Mail } from './read-mail.ts'

/** Where servers write it: Postfix, Exim, qmail and others. `To` is last, since its author writes it. */
const addressFields = ['delivered-to', 'x-original-to', 'envelope-to', 'x-envelope-to', 'x-delivered-to', 'to']

const maxAddresses = 100

/**
 * The addresses, as written: an ID in one may have capitals.
 * @param envelope for which the mail was handed over; null if unknown.
 */
export const deliveredTo = (envelope: readonly string[] | null, { fields }: Mail): string[] =>
  [...(envelope ?? []), ...addressFields.flatMap((name) => fields.all(name)).flatMap(addressesAsWritten)].slice(
    0,
    maxAddresses,
  )

const addressesAsWritten = (list: string): string[] => list.match(/[^\s<>,;"]{1,250}@[^\s<>,;"]{1,250}/g) ?? []
