/** Email addresses: read as RFC 5322 has them, written anew, and normalized as keys. */
import { domainToASCII, domainToUnicode } from 'node:url'
import addressparser, { type MailboxAddress } from 'nodemailer/lib/addressparser'

/** One mailbox as somebody wrote it (RFC 5322 §3.4). */
export interface Mailbox {
  readonly name: string | null
  /** Without display name. The case of the local part is as written: it may be significant to the receiver. */
  readonly address: string
}

/** One `@`, and neither white space, control characters nor the special characters of RFC 5322 §3.2.3. */
const plainAddress = /^[^\s\p{Cc}\p{Cs}<>()[\]\\,;:"@]+@[^\s\p{Cc}\p{Cs}<>()[\]\\,;:"@]+$/u
/** A quoted local part, such as `"b,c"@example.com`. */
const quotedAddress = /^"[^\s\p{Cc}\p{Cs}\\"@]+"@[^\s\p{Cc}\p{Cs}<>()[\]\\,;:"@]+$/u

const maxLength = 320

/**
 * The mailboxes in a list as `To` has it: `Ada <ada@example.com>, bob@example.com`. Members of groups count as mailboxes.
 * @returns null if a part of `text` is no mailbox, or there is none.
 */
export function parseMailboxes(text: string): readonly Mailbox[] | null {
  const mailboxes = readMailboxes(text)
  const known = mailboxes.filter((mailbox) => mailbox !== null)
  return known.length > 0 && known.length === mailboxes.length ? known : null
}

/** The only mailbox in `text`; null if it holds none, several, or a group. */
export function parseMailbox(text: string): Mailbox | null {
  const [mailbox = null, ...others] = readMailboxes(text, { groups: false })
  return others.length === 0 ? mailbox : null
}

/**
 * The mailbox as text, with an ASCII domain, which every mail server accepts, and a quoted display name where it needs quotes.
 * {@link parseMailbox} reads it back.
 */
export function formatMailbox({ name, address }: Mailbox): string {
  const local = address.slice(0, address.lastIndexOf('@') + 1)
  const written = local + (asciiDomain(domainOf(address)) ?? domainOf(address))
  if (name === null) return written
  return `${isPhrase.test(name) ? name : quoted(name)} <${written}>`
}

/** Atoms (RFC 5322 §3.2.3) and characters outside ASCII (RFC 6532 §3.2), separated by single spaces. */
const isPhrase = /^[\w!#$%&'*+/=?^`{|}~\u0080-\uffff-]+(?: [\w!#$%&'*+/=?^`{|}~\u0080-\uffff-]+)*$/

const quoted = (name: string): string => `"${name.replace(/["\\]/g, '\\$&')}"`

/**
 * The form in which addresses are compared: without display name, in lower case, the domain in ASCII. RFC 5321 §2.4 allows local
 * parts to differ by case, but no large receiver distinguishes them, and the suppression of `ada@` must cover `Ada@`. A domain in
 * Unicode and in Punycode is the same domain (RFC 5890 §2.3.2.1).
 * @returns null if `text` is not exactly one address.
 */
export function normalizeAddress(text: string): string | null {
  const mailbox = parseMailbox(text)
  return mailbox && normalizedOf(mailbox)
}

/** The addresses in a list as {@link parseMailboxes} reads it, normalized. Parts that are no mailbox are left out. */
export const addressesIn = (text: string): string[] =>
  readMailboxes(text).flatMap((mailbox) => (mailbox === null ? [] : [normalizedOf(mailbox)]))

/** The normalized address of a mailbox. */
export function normalizedOf({ address }: Mailbox): string {
  const local = address.slice(0, address.lastIndexOf('@') + 1)
  return local.toLowerCase() + (asciiDomain(domainOf(address)) ?? domainOf(address).toLowerCase())
}

/**
 * The forms under which a normalized address may be stored: versions before 0.5 did not convert domains to ASCII. All lookups by
 * address that must not miss a row use it.
 */
export function spellingsOf(address: string): string[] {
  const domain = domainOf(address)
  const readable = domain.includes('xn--') ? domainToUnicode(domain) : domain
  return readable === '' || readable === domain ? [address] : [address, address.slice(0, -domain.length) + readable]
}

/** The domain in ASCII and lower case; null if it cannot be one. */
export function asciiDomain(domain: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
  if (/^[\u0000-\u007f]*$/.test(domain)) return domain.toLowerCase()
  // domainToASCII reads these as the end of the host or as an escape, as in a URL.
  return /[/?#%]/.test(domain) ? null : domainToASCII(domain) || null
}

/** The mailboxes of a list; null for each part that is none. */
function readMailboxes(text: string, { groups = true } = {}): (Mailbox | null)[] {
  const trimmed = text.trim()
  if (plainAddress.test(trimmed)) return [checked({ name: null, address: trimmed })]
  if (!trimmed.includes('@')) return [null]
  // The parser replaces control characters. A long list may be folded into lines.
  if (/[\p{Cs}\p{Cc}]/u.test(trimmed.replace(/[\t\r\n]/g, ''))) return [null]
  return addressparser(trimmed).flatMap((entry): (Mailbox | null)[] => {
    if (entry.group === undefined) return [mailboxOf(entry, trimmed)]
    // A group's name with an address in it is a list that was put together wrongly.
    if (!groups || entry.name.includes('@')) return [null]
    return entry.group.map((member) => (member.group === undefined ? mailboxOf(member, trimmed) : null))
  })
}

/**
 * What the parser took for a mailbox, if RFC 5322 allows it: the parser also finds addresses within sentences, and puts what it does
 * not understand into the name.
 */
function mailboxOf({ name, address }: MailboxAddress, text: string): Mailbox | null {
  if (!text.includes(name === '' ? address : `<${address}>`)) return null
  if (/[<>@]/.test(name) && !text.includes(quoted(name))) return null
  return checked({ name: name || null, address })
}

function checked(mailbox: Mailbox): Mailbox | null {
  const { address } = mailbox
  if (!plainAddress.test(address) && !quotedAddress.test(address)) return null
  if (asciiDomain(domainOf(address)) === null || normalizedOf(mailbox).length > maxLength) return null
  return /\p{Cc}/u.test(mailbox.name ?? '') ? null : mailbox
}

/** Replaces an erased address. It has no `@`, so it cannot be an address. */
export const erasedAddress = 'erased'

/** The part after the `@` of a normalized address: the only part that may be sent to Temporal. */
export const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1)
