/** The signature of Standard Webhooks, which Svix uses too: an HMAC over ID, timestamp and body. */
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { identifier } from './fields.ts'
import { type GeneratedSecret, type SignedRequest, sharedSecret } from './sample.ts'
import { matchesAny } from './signature.ts'

/** The prefix of the three headers' names. */
export type HeaderPrefix = 'webhook' | 'svix'

/** Base64 of 24 to 64 random bytes, with or without the scheme's prefix. */
const secretForm = /^(whsec_)?[A-Za-z0-9+/]{32,}={0,2}$/

export const isStandardSecret = (value: string): boolean => secretForm.test(value)

/** Whether one of `secrets` signed these bytes within the last 5 minutes. Senders sign every retry anew. */
export function isStandardSigned(
  rawBody: Buffer,
  headers: IncomingHttpHeaders,
  secrets: readonly string[],
  prefix: HeaderPrefix,
): boolean {
  const [id, timestamp, signature] = ['id', 'timestamp', 'signature'].map((name) => headers[`${prefix}-${name}`])
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signature !== 'string') return false
  const presented = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
  return matchesAny(secrets, (secret) => isSignedWith(secret, rawBody, presented))
}

function isSignedWith(secret: string, rawBody: Buffer, presented: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(rawBody, presented, { jsonParse: false })
    return true
  } catch {
    // The library throws for a wrong signature.
    return false
  }
}

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

export const generateStandardSecret = (): GeneratedSecret => sharedSecret(`whsec_${randomBytes(32).toString('base64')}`)
