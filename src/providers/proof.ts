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
function sha256In(text: string | undefined): Buffer | null {
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
  /** The field of the header that has the signature, where it is written `t=…,v1=…`; null: the whole header is the signature. */
  readonly field: string | null
  /** Before the signature. */
  readonly prefix?: string
  /** Where the time is, in digits: in a field of the same header, or in a header of its own (its name in lower case). Null: there is none. */
  readonly timestamp: { readonly field: string } | { readonly header: string } | null
  /** What is signed, with `{body}` once, and `{timestamp}`. */
  readonly content: string
  /** How old or early a signature may be, in milliseconds; null if retries keep the signature of the first attempt, or there is no time. */
  readonly toleranceMs: number | null
  /** Of the timestamp that is written, in milliseconds. One of 12 digits or more is read as milliseconds, another one as seconds. */
  readonly unitMs: 1 | 1_000
  /** Between the fields that are written; both are read. */
  readonly separator: ',' | ';'
  /** Further fields that the provider writes. */
  readonly more?: Readonly<Record<string, string>>
}

/**
 * An HMAC-SHA256 over what a template says, such as a timestamp and the body. One of the presented signatures must be right: a provider that
 * replaces its secret sends two.
 */
export const stampedHmacProof = (form: StampedHmacProof): Proof => ({
  verify(rawBody, headers, secrets) {
    const presented = signaturesIn(form, String(headers[form.header] ?? ''))
    const timestamp = timestampIn(form, headers)
    if (presented.length === 0 || timestamp === null || !isInTime(form, timestamp)) return false
    const content = contentOf(form, timestamp, rawBody)
    return matchesAny(secrets, (key) => {
      const expected = hmacSha256(content, key)
      return presented.reduce((found, each) => timingSafeEqual(expected, each) || found, false)
    })
  },
  sign(body, secret, signedAt) {
    const { header, field, prefix = '', encoding, timestamp, unitMs, separator, more } = form
    const stamp = String(Math.floor(signedAt / unitMs))
    const signature = prefix + hmacSha256(contentOf(form, stamp, Buffer.from(body)), secret).toString(encoding)
    const fields = {
      ...(timestamp && 'field' in timestamp && { [timestamp.field]: stamp }),
      ...(field !== null && { [field]: signature }),
      ...more,
    }
    const written = Object.entries(fields).map((pair) => pair.join('='))
    return {
      headers: {
        ...json,
        ...(timestamp && 'header' in timestamp && { [timestamp.header]: stamp }),
        [header]: field === null ? signature : written.join(separator),
      },
      body,
    }
  },
  ...ofSharedSecret(form.requirement),
})

const signaturesIn = ({ field, prefix = '' }: StampedHmacProof, header: string): Buffer[] =>
  (field === null ? [header.trim()] : fieldsNamed(field, header)).flatMap((text) =>
    text.startsWith(prefix) ? (sha256In(text.slice(prefix.length)) ?? []) : [],
  )

/** Null: it is missing, or no number. Empty: the form has none. */
function timestampIn({ header, timestamp }: StampedHmacProof, headers: IncomingHttpHeaders): string | null {
  if (timestamp === null) return ''
  const found =
    'field' in timestamp ? fieldsNamed(timestamp.field, String(headers[header]))[0] : headers[timestamp.header]
  return typeof found === 'string' && /^\d{1,16}$/.test(found.trim()) ? found.trim() : null
}

function isInTime({ toleranceMs }: StampedHmacProof, timestamp: string): boolean {
  const sentAt = Number(timestamp) * (timestamp.length >= 12 ? 1 : 1_000)
  return toleranceMs === null || Math.abs(Date.now() - sentAt) <= toleranceMs
}

/** The bytes of the body stay as they are: as text, others could stand for them. */
function contentOf({ content }: StampedHmacProof, timestamp: string, rawBody: Buffer): Buffer {
  const [before = '', after = ''] = content.replaceAll('{timestamp}', timestamp).split('{body}')
  return Buffer.concat([Buffer.from(before), rawBody, Buffer.from(after)])
}

/** Base64 may contain `=`, so only the first one separates. */
const fieldsNamed = (wanted: string, header: string): string[] =>
  header.split(/[,;]/).flatMap((field) => {
    const [name = '', ...value] = field.trim().split('=')
    return name === wanted ? [decodeURIComponentOr(value.join('='))] : []
  })

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
