/** Links to the page of a person that do not show the address: URLs are written to access logs and to the browser's history. */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { pathWith } from './paths.ts'

export interface PersonLinks {
  /** The query parameter `person` of the person's page. The same for every call. @param address normalized. */
  personOf(address: string): string
  /** The path of the person's page. */
  pathTo(address: string): string
  /** The address in a query parameter `person`; null if it was not made with one of the API keys. */
  addressIn(person: string): string | null
}

/**
 * The address is encrypted with a key derived from an API key. So instances with the same API keys open each other's links, no table
 * is needed, and removing an API key from the configuration ends the links made with it.
 * @param apiKeys the first makes links, each opens them.
 */
export function createPersonLinks(apiKeys: readonly string[]): PersonLinks {
  const seals = apiKeys.map(sealOf)
  const personOf = (address: string) => seals[0]?.close(address) ?? ''
  return {
    personOf,
    pathTo: (address) => pathWith('/recipients', { person: personOf(address) }),
    addressIn(person) {
      const bytes = Buffer.from(person, 'base64url')
      return seals.map(({ open }) => open(bytes)).find((address) => address !== null) ?? null
    },
  }
}

const [nonceBytes, tagBytes] = [12, 16]
const algorithm = 'aes-256-gcm'

function sealOf(apiKey: string) {
  const derived = (purpose: string) => createHmac('sha256', apiKey).update(`aftersend dashboard ${purpose}`).digest()
  const [key, nonceKey] = [derived('person links'), derived('person link nonces')]
  return {
    close(address: string): string {
      // The nonce follows from the address, so that only the same text ever gets it again.
      const nonce = createHmac('sha256', nonceKey).update(address).digest().subarray(0, nonceBytes)
      const cipher = createCipheriv(algorithm, key, nonce)
      const text = Buffer.concat([cipher.update(address, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, text, cipher.getAuthTag()]).toString('base64url')
    },
    open(bytes: Buffer): string | null {
      if (bytes.length <= nonceBytes + tagBytes) return null
      try {
        const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
        decipher.setAuthTag(bytes.subarray(-tagBytes))
        const text = bytes.subarray(nonceBytes, -tagBytes)
        return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8')
      } catch {
        // Not made with this key, or altered: another key may open it.
        return null
      }
    },
  }
}
