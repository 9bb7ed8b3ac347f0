/** What one line of a file of addresses says. */
import { normalizeAddress, parseMailboxes } from '../domain/address.ts'
import { type SuppressionReason, suppressionReasons } from '../domain/suppression.ts'

/** An address to suppress, why the line is invalid, or why a valid line is left out. */
export type FileEntry =
  | { readonly address: string; readonly reason: SuppressionReason }
  | { readonly mistake: string }
  | { readonly skipped: string }

export const invalidAddress = 'has no valid email address'

/** Control characters, half surrogate pairs, and U+FFFD, which replaces bytes that are not UTF-8. */
const broken = /[\p{Cc}\p{Cs}\ufffd]/u

export function readEntry(written: unknown, reason: SuppressionReason): FileEntry {
  const address = typeof written === 'string' && !broken.test(written) ? normalizeAddress(written) : null
  if (address !== null) return { address, reason }
  const isList = typeof written === 'string' && (parseMailboxes(written)?.length ?? 0) > 1
  return { mistake: isList ? 'has several email addresses: write one in a line' : invalidAddress }
}

/** A column's or field's name without case and separators: `E-Mail` and `email` are the same. */
export const plainName = (name: string): string => name.toLowerCase().replace(/[^a-z]/g, '')

/** In the order of preference: `address` may be a street. */
export const addressNames = ['emailaddress', 'email', 'recipient', 'recipientaddress', 'mail', 'address']
export const reasonNames = ['reason', 'suppressionreason', 'lastevent']

/** The providers' words, in lower case and without other characters than letters. */
const reasonsByWord = new Map<string, SuppressionReason>([
  ...suppressionReasons.map((reason) => [reason.replaceAll('_', ''), reason] as const),
  ['bounce', 'hard_bounce'],
  ['bounced', 'hard_bounce'],
  ['complained', 'complaint'],
  ['spamcomplaint', 'complaint'],
  ['spamreport', 'complaint'],
  ['manualsuppression', 'manual'],
])

/** @param otherwise for a word that is not known. */
export const reasonIn = (word: unknown, otherwise: SuppressionReason): SuppressionReason =>
  reasonsByWord.get(plainName(String(word))) ?? otherwise
