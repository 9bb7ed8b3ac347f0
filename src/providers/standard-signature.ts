/**
 * The signature of Standard Webhooks, which Svix uses too: over ID, timestamp and body, an HMAC (`v1`) or an Ed25519 signature (`v1a`).
 * Verified here and not by the specification's library, which reads the body as text, so that bytes that are no UTF-8 could be exchanged
 * for others, and knows no `v1a`.
 */
import {
  createHash,
  createHmac,
  createPublicKey,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { identifier } from './fields.ts'
import type { Proof } from './proof.ts'
import { type GeneratedSecret, type SignedRequest, sharedSecret } from './sample.ts'
import { matchesAny } from './signature.ts'

/** The prefix of the three headers' names. */
export type HeaderPrefix = 'webhook' | 'svix'

/** Base64 of 24 to 64 random bytes, with or without the scheme's prefix. */
const secretForm = /^(whsec_)?[A-Za-z0-9+/]{32,}={0,2}$/
/** Base64 of an Ed25519 key's 32 bytes. */
const publicKeyForm = /^whpk_[A-Za-z0-9+/]{43}=$/

export const isStandardSecret = (value: string): boolean => secretForm.test(value) || publicKeyForm.test(value)

const standardRequirement =
  'base64 of 24 to 64 random bytes, with or without whsec_, or a public key that begins with whpk_'

/** The specification leaves the tolerance to the receiver; this is its library's. */
const toleranceMs = 5 * 60_000

/** Whether one of `secrets` signed these bytes within the last 5 minutes. Senders sign every retry anew. */
export function isStandardSigned(
  rawBody: Buffer,
  headers: IncomingHttpHeaders,
  secrets: readonly string[],
  prefix: HeaderPrefix,
): boolean {
  const [id, timestamp, signature] = ['id', 'timestamp', 'signature'].map((name) => headers[`${prefix}-${name}`])
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signature !== 'string') return false
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(Date.now() - Number(timestamp) * 1_000) > toleranceMs) return false
  const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), rawBody])
  const presented = signature.split(' ').map((entry) => entry.split(','))
  const signaturesOf = (version: string): Buffer[] =>
    presented.filter(([name]) => name === version).map(([, text = '']) => Buffer.from(text, 'base64'))
  return matchesAny(secrets, (secret) =>
    publicKeyForm.test(secret)
      ? signaturesOf('v1a').some((each) => verify(null, content, publicKeyOf(secret), each))
      : isOneOf(signaturesOf('v1'), macOf(secret, content)),
  )
}

const macOf = (secret: string, content: Buffer): Buffer =>
  createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64'))
    .update(content)
    .digest()

const isOneOf = (presented: readonly Buffer[], expected: Buffer): boolean =>
  presented.some((each) => each.length === expected.length && timingSafeEqual(each, expected))

const publicKeyOf = (text: string): KeyObject =>
  createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(text.slice('whpk_'.length), 'base64').toString('base64url') },
    format: 'jwk',
  })

/** The ID that the signature covers, equal in every retry. Null if it cannot be stored. */
export const signedIdIn = (headers: IncomingHttpHeaders, prefix: HeaderPrefix): string | null =>
  identifier.safeParse(headers[`${prefix}-id`]).data ?? null

/** The request as its sender would sign it. The ID derives from the body, so that the same body is a repeat. */
export function signStandard(body: string, secret: string, signedAt: number, prefix: HeaderPrefix): SignedRequest {
  const id = `msg_${createHash('sha256').update(body).digest('hex').slice(0, 27)}`
  return {
    headers: {
      'content-type': 'application/json',
      [`${prefix}-id`]: id,
      [`${prefix}-timestamp`]: String(Math.floor(signedAt / 1000)),
      [`${prefix}-signature`]: new Webhook(secret).sign(id, new Date(signedAt), body),
    },
    body,
  }
}

const generateStandardSecret = (): GeneratedSecret => sharedSecret(`whsec_${randomBytes(32).toString('base64')}`)

/** @param requirement how the provider names the secret; follows "must be". */
export const standardProof = (prefix: HeaderPrefix, requirement = standardRequirement): Proof => ({
  verify: (rawBody, headers, secrets) => isStandardSigned(rawBody, headers, secrets, prefix),
  accepts: isStandardSecret,
  requirement,
  signsWithItsSecret: true,
  sign: (body, secret, signedAt) => signStandard(body, secret, signedAt, prefix),
  generateSecret: generateStandardSecret,
})
