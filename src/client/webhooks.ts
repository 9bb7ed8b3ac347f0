/** Verifies the webhooks that Aftersend sends to endpoints, by the Standard Webhooks scheme. Needs WebCrypto only: browsers, Workers and Deno have it. */
import type { WebhookEvent } from './webhook-types.ts'

/** The request is not a webhook of Aftersend, or not a recent one: answer it with 400, and do nothing else. */
export class WebhookVerificationError extends Error {
  override name = 'WebhookVerificationError'
}

/** `Headers`, or those of Node's `IncomingMessage`; names in any case. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

export interface VerifyWebhookOptions {
  /** How far the sender's clock may differ, and how late a request may come. Default 5 minutes. */
  readonly toleranceMs?: number
  /** Epoch milliseconds. Default: now. */
  readonly now?: number
}

const defaultToleranceMs = 5 * 60_000

/**
 * The event in a webhook's body.
 * @param body exactly as it was received: parsed and written again, its bytes may differ from those that were signed.
 * @param secrets of the endpoint, with or without `whsec_`; during a rotation, several: any may have signed.
 * @throws WebhookVerificationError unless one of them signed it within the tolerance; Error if a secret is not base64.
 */
export async function verifyWebhook(
  body: string | Uint8Array | ArrayBuffer,
  headers: WebhookHeaders,
  secrets: string | readonly string[],
  { toleranceMs = defaultToleranceMs, now = Date.now() }: VerifyWebhookOptions = {},
): Promise<WebhookEvent> {
  const id = headerOf(headers, 'webhook-id')
  const timestamp = headerOf(headers, 'webhook-timestamp')
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp) * 1_000) > toleranceMs) {
    throw new WebhookVerificationError(
      `webhook-timestamp must be within ${toleranceMs} ms of this clock: set the clock`,
    )
  }
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body)
  const content = concatenated(new TextEncoder().encode(`${id}.${timestamp}.`), bytes)
  const signatures = signaturesIn(headerOf(headers, 'webhook-signature'))
  for (const secret of [secrets].flat()) {
    if (await isSignedWith(secret, signatures, content)) return eventIn(bytes)
  }
  throw new WebhookVerificationError(
    'none of the secrets signed this body: compare them, and pass the body as received',
  )
}

function headerOf(headers: WebhookHeaders, name: string): string {
  const value =
    headers instanceof Headers
      ? headers.get(name)
      : Object.entries(headers).find(([given]) => given.toLowerCase() === name)?.[1]
  if (typeof value === 'string' && value !== '') return value
  throw new WebhookVerificationError(`the header ${name} is missing`)
}

/** `v1,<base64>`, several separated by spaces; other versions are for other kinds of keys. */
const signaturesIn = (header: string): Uint8Array<ArrayBuffer>[] =>
  header.split(' ').flatMap((entry) => {
    const [version, text = ''] = entry.split(',')
    const bytes = version === 'v1' ? bytesOf(text) : null
    return bytes === null ? [] : [bytes]
  })

async function isSignedWith(
  secret: string,
  signatures: readonly Uint8Array<ArrayBuffer>[],
  content: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const bytes = bytesOf(secret.replace(/^whsec_/, ''))
  if (bytes === null || bytes.length === 0) throw new Error('a webhook secret must be base64, with or without whsec_')
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
  // `verify` compares in constant time.
  const matches = await Promise.all(signatures.map((each) => crypto.subtle.verify('HMAC', key, each, content)))
  return matches.includes(true)
}

/** Null if it is not base64. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
  } catch {
    return null
  }
}

function concatenated(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length)
  whole.set(first)
  whole.set(second, first.length)
  return whole
}

function eventIn(bytes: Uint8Array): WebhookEvent {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as WebhookEvent
  } catch (cause) {
    throw new WebhookVerificationError('the body is signed, and is not JSON', { cause })
  }
}
