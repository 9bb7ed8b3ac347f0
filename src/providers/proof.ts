/**
 * How providers prove their webhooks, each with its counterpart for samples: a shared credential, an HMAC over the body, an HMAC over a time
 * and the body. Standard Webhooks is in `standard-signature.ts`.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Provider, ProviderEntry } from './provider.ts'
import { sharedSecret } from './sample.ts'
import { hmacSha256, matchesAny } from './signature.ts'

/** What an adapter and its entry need of a proof. */
export type Proof = Pick<Provider, 'verify'> &
  Pick<ProviderEntry, 'accepts' | 'requirement' | 'sign' | 'generateSecret' | 'signsWithItsSecret'>

const json = { 'content-type': 'application/json' }

/**
 * Webhooks that are not signed, of providers that let the customer add a credential: `user:password` in the URL comes as basic
 * authentication; any other secret is a token, in a header `x-webhook-token` or as `Authorization: Bearer`.
 */
export const credentialProof: Proof = {
  verify: (_rawBody, headers, secrets) => matchesAny(secrets, (secret) => isPresented(secret, headers)),
  accepts: (value) => value.length >= 16,
  requirement: 'user:password, or a token for the header X-Webhook-Token, of 16 characters or more',
  signsWithItsSecret: true,
  sign(body, secret) {
    const [header, value] = credentialOf(secret)
    return { headers: { ...json, [header]: value }, body }
  },
  generateSecret: () => sharedSecret(`aftersend:${randomBytes(32).toString('hex')}`),
}

const credentialOf = (secret: string): readonly [header: string, value: string] =>
  secret.includes(':')
    ? ['authorization', `Basic ${Buffer.from(secret).toString('base64')}`]
    : ['x-webhook-token', secret]

function isPresented(secret: string, headers: IncomingHttpHeaders): boolean {
  const [header, expected] = credentialOf(secret)
  const presented = headers[header] ?? (header === 'authorization' ? undefined : bearerIn(headers))
  if (typeof presented !== 'string') return false
  return timingSafeEqual(digest(expected), digest(presented.replace(/^basic +/i, 'Basic ')))
}

const bearerIn = ({ authorization }: IncomingHttpHeaders): string | undefined =>
  /^bearer +(.+)$/i.exec(authorization ?? '')?.[1]

/** Of one length for any text, as `timingSafeEqual` requires. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The bytes in hex or base64 of an HMAC-SHA256; null for any other text, which `Buffer.from` would truncate silently. */
export function sha256In(text: string | undefined): Buffer | null {
  if (/^[0-9a-f]{64}$/i.test(text ?? '')) return Buffer.from(text ?? '', 'hex')
  return /^[A-Za-z0-9+/]{43}=?$/.test(text ?? '') ? Buffer.from(text ?? '', 'base64') : null
}

interface HmacProof {
  /** In lower case. */
  readonly header: string
  /** How the provider writes it; both are read. */
  readonly encoding: 'hex' | 'base64'
  /** What the provider calls the secret; follows "must be". */
  readonly requirement: string
}

/** An HMAC-SHA256 over the body, with or without `sha256=` before it. */
export const hmacProof = ({ header, encoding, requirement }: HmacProof): Proof => ({
  verify(rawBody, headers, secrets) {
    const presented = sha256In(
      String(headers[header] ?? '')
        .trim()
        .replace(/^sha256=/i, ''),
    )
    return presented !== null && matchesAny(secrets, (key) => timingSafeEqual(hmacSha256(rawBody, key), presented))
  },
  sign: (body, secret) => ({ headers: { ...json, [header]: hmacSha256(body, secret).toString(encoding) }, body }),
  ...ofSharedSecret(requirement),
})

interface StampedHmacProof extends HmacProof {
  /** The names of the header's fields, which are written `name=value`. */
  readonly fields: { readonly timestamp: string; readonly signature: string }
  readonly separator: ',' | ';'
  /** Of the header's timestamp, in milliseconds. */
  readonly unitMs: 1 | 1_000
  /** What is signed before the body. */
  readonly prefixOf: (timestamp: string) => string
  /** How old or early a signature may be, in milliseconds; null if retries keep the signature of the first attempt. */
  readonly toleranceMs: number | null
  /** Further fields that the provider writes. */
  readonly more?: Readonly<Record<string, string>>
}

/** An HMAC-SHA256 over a timestamp and the body, both in one header. */
export const stampedHmacProof = (form: StampedHmacProof): Proof => ({
  verify(rawBody, headers, secrets) {
    const found = fieldsIn(String(headers[form.header] ?? ''), form.separator)
    const timestamp = found.get(form.fields.timestamp) ?? ''
    const presented = sha256In(found.get(form.fields.signature))
    if (presented === null || !/^\d{1,16}$/.test(timestamp)) return false
    const ageMs = Math.abs(Date.now() - Number(timestamp) * form.unitMs)
    if (form.toleranceMs !== null && ageMs > form.toleranceMs) return false
    const content = Buffer.concat([Buffer.from(form.prefixOf(timestamp)), rawBody])
    return matchesAny(secrets, (key) => timingSafeEqual(hmacSha256(content, key), presented))
  },
  sign(body, secret, signedAt) {
    const timestamp = String(Math.floor(signedAt / form.unitMs))
    const signature = hmacSha256(form.prefixOf(timestamp) + body, secret).toString(form.encoding)
    const fields = { [form.fields.timestamp]: timestamp, [form.fields.signature]: signature, ...form.more }
    const written = Object.entries(fields).map((pair) => pair.join('='))
    return { headers: { ...json, [form.header]: written.join(form.separator) }, body }
  },
  ...ofSharedSecret(form.requirement),
})

/** Base64 may contain `=`, so only the first one separates. */
const fieldsIn = (header: string, separator: string): ReadonlyMap<string, string> =>
  new Map(
    header.split(separator).map((field) => {
      const [name = '', ...value] = field.trim().split('=')
      return [name, decodeURIComponentOr(value.join('='))]
    }),
  )

/** Some providers write the base64 as in a URL. */
function decodeURIComponentOr(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const ofSharedSecret = (requirement: string) => ({
  accepts: () => true,
  requirement,
  signsWithItsSecret: true,
  generateSecret: () => sharedSecret(randomBytes(32).toString('hex')),
})
