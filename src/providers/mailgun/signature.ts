/** The proof of Mailgun's webhooks: an HMAC over a timestamp and a token, both in the body. */
import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { bodyObject, eventIdOf } from '../event-builder.ts'
import { type Json, partOf, textIn } from '../fields.ts'
import type { AdapterDependencies, Provider, Refusal } from '../provider.ts'
import { hmacSha256, matchesAny } from '../signature.ts'

export const mailgunName = 'mailgun'

/**
 * Limits of a signed timestamp. Mailgun retries a webhook for 8 hours, by all that is known with the signature of the first
 * attempt (hookdeck/webhook-skills, mailgun-webhooks): a shorter limit would refuse late retries, as in
 * beyondcode/laravel-mailbox issue 93.
 */
const [maxAgeMs, maxAheadMs] = [9 * 3_600_000, 5 * 60_000]

export const verifierOf =
  ({ tokens, clock }: Pick<AdapterDependencies, 'tokens' | 'clock'>): Provider['verify'] =>
  (rawBody, _headers, signingKeys) => {
    const signature = signatureIn(rawBody)
    if (signature === null) return false
    const ageMs = clock() - Number(signature.timestamp) * 1000
    if (!isSigned(signature, signingKeys) || ageMs > maxAgeMs || ageMs < -maxAheadMs) return false
    return tokens.claim(mailgunName, signature.token, eventKeyIn(rawBody))
  }

export const explainRefusal = (rawBody: Buffer, headers: IncomingHttpHeaders): Refusal | null =>
  isForm(rawBody, headers['content-type'])
    ? {
        status: 406,
        detail: 'this is a form, as old webhooks post it: delete that webhook at Mailgun, and add a current one',
      }
    : null

const isForm = (rawBody: Buffer, contentType = ''): boolean =>
  /^(application\/x-www-form-urlencoded|multipart\/form-data)/i.test(contentType) &&
  !/^\s*[{[]/.test(rawBody.toString('latin1', 0, 100))

/** Two requests with the same token and this key hold the same event: the second one is a repeat, whatever else it holds. */
function eventKeyIn(rawBody: Buffer): string {
  const { id, timestamp } = partOf(bodyObject(rawBody), 'event-data')
  return eventIdOf(id, timestamp)
}

interface Signature {
  readonly timestamp: string
  readonly token: string
  /** That of the account, and for a subaccount that of its parent too. */
  readonly signatures: readonly Buffer[]
}

function signatureIn(rawBody: Buffer): Signature | null {
  const part = signaturePartOf(rawBody)
  const [timestamp, token, ...found] = ['timestamp', 'token', 'signature', 'parent-signature'].map(
    (name) => textIn(part, [name]) ?? '',
  )
  const signatures = found
    .filter((signature) => /^[0-9a-f]{64}$/i.test(signature))
    .map((signature) => Buffer.from(signature, 'hex'))
  if (!timestamp || !token) return null
  const isWhole = /^\d{1,12}$/.test(timestamp) && /^[\w-]{1,128}$/.test(token) && signatures.length > 0
  return isWhole ? { timestamp, token, signatures } : null
}

function signaturePartOf(rawBody: Buffer): Json {
  try {
    return partOf(bodyObject(rawBody), 'signature')
  } catch {
    // A body that is not JSON has no signature.
    return {}
  }
}

const isSigned = ({ timestamp, token, signatures }: Signature, signingKeys: readonly string[]): boolean =>
  matchesAny(signingKeys, (key) => {
    const expected = hmacSha256(timestamp + token, key)
    return signatures.map((signature) => timingSafeEqual(expected, signature)).includes(true)
  })
