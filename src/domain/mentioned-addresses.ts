/** The addresses within JSON and other text: in headers, links and servers' replies. */
import { normalizeAddress } from './address.ts'

const domainAfter = /^[\p{L}\p{N}.-]+/u
const localCharacter = /[^\s<>()[\],;:"@]/
const quotedBefore = /"[^"@]*"$/
/** After any other character, an address may begin: `email=ada@example.com`, `?ada@example.com`. */
const beginnings = /[^\p{L}\p{N}._+-]|^[._+-]+/gu

/** No part of an address is longer. */
const maxLength = 320
/** A stranger's text may consist of them. An event of a whole batch has fewer. */
const [maxBeginnings, maxAddresses] = [16, 20_000]

/**
 * The addresses that `text` mentions, normalized. Reads escapes of JSON, also of JSON in JSON, and percent-encoding. Where several
 * addresses may be meant, as in `a=b@example.com`, it returns each. Reads 20,000 at most.
 */
export function addressesMentioned(text: string): Set<string> {
  const mentioned = new Set<string>()
  const readable = decode(text)
  let count = 0
  for (let at = readable.indexOf('@'); at !== -1 && count < maxAddresses; at = readable.indexOf('@', at + 1)) {
    count++
    const [domain] = domainAfter.exec(readable.slice(at + 1, at + 1 + maxLength)) ?? []
    if (domain === undefined) continue
    for (const candidate of localPartsBefore(readable, at)) {
      const address = normalizeAddress(`${candidate}@${domain.replace(/[.-]+$/, '')}`)
      if (address !== null) mentioned.add(address)
    }
  }
  return mentioned
}

function localPartsBefore(text: string, at: number): readonly string[] {
  const first = Math.max(0, at - maxLength)
  if (text[at - 1] === '"') return quotedBefore.exec(text.slice(first, at)) ?? []
  let start = at
  while (start > first && localCharacter.test(text.charAt(start - 1))) start--
  const local = text.slice(start, at)
  const inner = [...local.matchAll(beginnings)].slice(-maxBeginnings)
  return [local, ...inner.map((found) => local.slice(found.index + found[0].length))]
}

const decode = (text: string): string =>
  text
    .replace(/\\+(?:u([0-9a-f]{4})|(.))/gi, (_, code: string | undefined, char: string) => {
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16))
      // The other escapes with letters are white space.
      return /[a-z]/.test(char) ? ' ' : char
    })
    .replace(/%([2-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
