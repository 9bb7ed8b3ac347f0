/** What verifiers share: HMACs, public keys, and a comparison with several secrets. */
import { createHmac, createPublicKey, type KeyObject } from 'node:crypto'

export const hmacSha256 = (data: Buffer | string, secret: string): Buffer =>
  createHmac('sha256', secret).update(data).digest()

/** Whether a secret matches. Checks all of them, so that the time taken does not reveal which one matched. */
export const matchesAny = (secrets: readonly string[], matches: (secret: string) => boolean): boolean =>
  secrets.reduce((found, secret) => matches(secret) || found, false)

/** A public key from base64 of its DER form. */
export const publicKeyIn = (base64: string): KeyObject =>
  createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' })
