/** Addresses as reports write them. */
import { normalizeAddress } from '../domain/address.ts'

/** In running text: without brackets, quotation marks and what ends a sentence. */
const addressInText =
  /[^\s<>()[\]\\,;:"'“”‘’`=|]{1,64}@[a-z0-9\u0080-\uffff](?:[a-z0-9\u0080-\uffff.-]{0,250}[a-z0-9\u0080-\uffff])?/gi

/** The addresses in a text, normalized, each once. */
export const addressesInText = (text: string): string[] => [
  ...new Set(
    [...text.matchAll(addressInText)].flatMap(([found]) => normalizeAddress(found.replace(/^[.*_-]+(?=\w)/, '')) ?? []),
  ),
]

/**
 * The address in a field such as `rfc822; ada@example.com` (RFC 3464 §2.3.1), normalized; null if it names none, as with other types of
 * addresses. International addresses may be written as RFC 6533 §3 has it (`\x{E9}`), and some servers leave the `+40` of RFC 3461 §4.
 */
export function typedAddressIn(field: string | null): string | null {
  const [, type = 'rfc822', written = ''] = /^(?:([\w-]{1,30})\s*;)?\s*(.*)$/s.exec(field ?? '') ?? []
  const isInternational = /^utf-8$/i.test(type)
  const readable = isInternational ? written.replace(/\\x\{([0-9a-f]{2,6})\}/gi, (_, code) => codePoint(code)) : written
  const whole = readable.includes('@') ? readable : readable.replace(/\+([0-9A-F]{2})/g, (_, code) => codePoint(code))
  return normalizeAddress(whole) ?? addressesInText(whole)[0] ?? null
}

function codePoint(hexadecimal: string): string {
  const code = Number.parseInt(hexadecimal, 16)
  return code > 0x1f && code < 0x110000 ? String.fromCodePoint(code) : ' '
}

/** The Message-IDs in a field, in order, without their angle brackets. Some senders leave the brackets out. */
export function messageIdsIn(field: string | null): string[] {
  const text = field ?? ''
  const bracketed = [...text.matchAll(/<\s*([^<>\s]{1,250})\s*>/g)].flatMap(([, id]) => id ?? [])
  return bracketed.length > 0
    ? bracketed
    : text.split(/[\s,]+/).filter((id) => id.length <= 250 && /[^@]@[^@]/.test(id))
}
