/** The signature of Standard Webhooks, which is Svix's too: an HMAC over ID, timestamp and body. */
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { identifier } from './fields.ts'
import type { SignedRequest } from './provider.ts'

/** What the three headers' names begin with. */
export type HeaderPrefix = 'webhook' | 'svix'

/** Base64 of 24 to 64 random bytes, as the scheme wants them, with or without its mark. */
export const standardSecretForm = /^(whsec_)?[A-Za-z0-9+/]{32,}={0,2}$/

/** Whether any of `secrets` signed these bytes, not more than 5 minutes ago: every retry is signed anew. */
export function isStandardSigned(
  rawBody: Buffer,
  headers: IncomingHttpHeaders,
  secrets: readonly string[],
  prefix: HeaderPrefix,
): boolean {
  const [id, timestamp, signature] = ['id', 'timestamp', 'signature'].map((name) => headers[`${prefix}-${name}`])
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signature !== 'string') return false
  const presented = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
  // Every secret is tried, so that the time taken does not tell which one signed.
  return secrets.reduce((genuine, secret) => isSignedWith(secret, rawBody, presented) || genuine, false)
}

function isSignedWith(secret: string, rawBody: Buffer, presented: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(rawBody, presented, { jsonParse: false })
    return true
  } catch {
    // That is how the library says no.
    return false
  }
}

/** The ID that the signature covers: the same for every retry. Null if it is nothing that we can keep. */
export const signedIdIn = (headers: IncomingHttpHeaders, prefix: HeaderPrefix): string | null =>
  identifier.safeParse(headers[`${prefix}-id`]).data ?? null

/** The request as its sender would sign it. The ID follows from the body, so that the same body is a repeat. */
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
