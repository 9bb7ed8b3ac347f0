/** The schemas of what requests say of an email, and where one is found. */
import { z } from 'zod'
import { priorities } from '../domain/events.ts'
import { externalIdLength, metadataLimits } from '../domain/own-ids.ts'
import { mailboxList, name, oneOf, text } from '../http/input.ts'

/** The provider's ID of an email. */
export const emailId = name(255)

const recipientLimit = 50
const recipientsMessage = `must be one address or a list of up to ${recipientLimit} addresses`

/** One text or a list of texts. Each holds a mailbox or several, and `index` is that of the text. */
export const recipients = z.preprocess(
  (to) => (Array.isArray(to) ? to : [to]),
  z
    .array(mailboxList)
    .max(recipientLimit, recipientsMessage)
    .transform((texts) => texts.flatMap((mailboxes, index) => mailboxes.map((mailbox) => ({ ...mailbox, index }))))
    .refine((all) => all.length > 0 && all.length <= recipientLimit, recipientsMessage),
)

const tagLimit = 50

/** A list, or an object whose entries become `name:value`. */
export const tags = z
  .union([z.array(name(200)), z.record(name(100), text(200))], 'must be a list of strings, or an object of strings')
  .transform((given) => (Array.isArray(given) ? given : Object.entries(given).map(([tag, value]) => `${tag}:${value}`)))
  .refine((list) => list.length <= tagLimit, `must have at most ${tagLimit} tags`)

export const priority = oneOf(priorities)

export const defaultProvider = 'aisend'

/** The application's own ID of an email. */
export const externalId = name(externalIdLength)

const { pairs, keyLength, valueLength } = metadataLimits
const pairsMessage = `must have at most ${pairs} pairs`

/** The application's own pairs of texts; null if there are none. */
export const metadata = z
  .record(name(keyLength), text(valueLength), 'must be an object of strings')
  .refine((given) => Object.keys(given).length <= pairs, pairsMessage)
  .transform((given) => (Object.keys(given).length === 0 ? null : given))

/** Pairs as a query writes them, `metadata[order]=4711`, gathered by `queryWithPairs`. */
export const queriedMetadata = z
  .record(name(keyLength), text(valueLength), 'must be written as metadata[key]=value')
  .refine((given) => Object.keys(given).length <= pairs, pairsMessage)
  .optional()

/** Where an email is read. */
export function locationOf(provider: string, id: string): string {
  const path = `/v1/emails/${encodeURIComponent(id)}`
  return provider === defaultProvider ? path : `${path}?provider=${encodeURIComponent(provider)}`
}
