/**
 * Amazon SNS over HTTPS: who signed a message, and how a subscription is confirmed. Source: "Verifying the signatures of
 * Amazon SNS messages" in the SNS developer guide, and Amazon's own sns-validator for what is signed.
 */
import { createPublicKey, createVerify, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { type SignedRequest, VerificationUnavailableError } from './provider.ts'
import { bodyObject } from './told-event.ts'

const envelope = z.object({
  Type: z.enum(['Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation']),
  MessageId: z.string().min(1).max(255),
  TopicArn: z.string(),
  Message: z.string(),
  Timestamp: z.string(),
  SignatureVersion: z.enum(['1', '2']),
  Signature: z.string(),
  SigningCertURL: z.string(),
  Subject: z.string().nullish(),
  Token: z.string().optional(),
  SubscribeURL: z.string().optional(),
})

export type SnsMessage = z.infer<typeof envelope>

/** The message that a body is; null if it is none. */
export function snsMessageIn(rawBody: Buffer): SnsMessage | null {
  try {
    const body = bodyObject(rawBody)
    // Some of Amazon's senders write Url.
    const spelled = { ...body, SigningCertURL: body['SigningCertURL'] ?? body['SigningCertUrl'] }
    return envelope.safeParse(spelled).data ?? null
  } catch {
    return null
  }
}

/** The fields that are signed, in their order; those that a message lacks are left out. */
const signedFields = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
} as const satisfies Record<SnsMessage['Type'], readonly (keyof SnsMessage)[]>

const signedTextOf = (message: SnsMessage): string =>
  signedFields[message.Type]
    .filter((field) => message[field] !== undefined && message[field] !== null)
    .map((field) => `${field}\n${message[field]}\n`)
    .join('')

const digests = { '1': 'RSA-SHA1', '2': 'RSA-SHA256' } as const

/** Whether the holder of `key` signed the message. */
export const isSignedBy = (message: SnsMessage, key: KeyObject): boolean =>
  createVerify(digests[message.SignatureVersion]).update(signedTextOf(message)).verify(key, message.Signature, 'base64')

const arnForm = /^arn:aws(?:-[a-z]+)*:sns:([a-z0-9-]+):\d{12}:[\w-]{1,256}(?:\.fifo)?$/

/** Whether a text is the ARN of a topic. */
export const isTopicArn = (text: string): boolean => arnForm.test(text)

/** A URL of SNS in the topic's own region, over https and without a port or a name before it; null for any other. */
export function snsUrl(text: string, topicArn: string): URL | null {
  const region = arnForm.exec(topicArn)?.[1]
  if (region === undefined || !URL.canParse(text)) return null
  const url = new URL(text)
  const origins = [`https://sns.${region}.amazonaws.com`, `https://sns.${region}.amazonaws.com.cn`]
  return origins.includes(url.origin) && url.username === '' ? url : null
}

/** Certificates have this name, so that nobody has us fetch whatever he likes. */
const certificatePath = /^\/SimpleNotificationService-\w{1,64}\.pem$/

/** Amazon changes its certificate about once a year; one that is fetched is looked at again after a day. */
const [keptMs, fetchTimeoutMs, mostKept] = [24 * 3_600_000, 1_500, 20]

export interface SigningKeysOptions {
  readonly fetch: typeof fetch
  /** Epoch milliseconds. */
  readonly clock: () => number
}

/** The keys that SNS signs with, from its certificates, fetched once a day. */
export class SigningKeys {
  readonly #options: SigningKeysOptions
  readonly #kept = new Map<string, { readonly key: Promise<KeyObject>; readonly until: number }>()

  constructor(options: SigningKeysOptions) {
    this.#options = options
  }

  /**
   * The key behind a message's `SigningCertURL`; null if that is no place where SNS has certificates.
   * @throws VerificationUnavailableError when the certificate cannot be had now.
   */
  async keyFor({ SigningCertURL, TopicArn }: SnsMessage): Promise<KeyObject | null> {
    const url = snsUrl(SigningCertURL, TopicArn)
    if (!url || !certificatePath.test(url.pathname) || url.search !== '') return null
    const now = this.#options.clock()
    const kept = this.#kept.get(url.href)
    if (kept && now < kept.until) return kept.key
    if (this.#kept.size >= mostKept) this.#kept.clear()
    const key = this.#fetchKey(url)
    this.#kept.set(url.href, { key, until: now + keptMs })
    // The next message tries again.
    key.catch(() => this.#kept.delete(url.href))
    return key
  }

  async #fetchKey(url: URL): Promise<KeyObject> {
    const certificate = certificateIn(await getText(this.#options.fetch, url, "SNS's certificate"))
    const now = this.#options.clock()
    if (now < Date.parse(certificate.validFrom) || now > Date.parse(certificate.validTo)) {
      throw new VerificationUnavailableError("SNS's certificate is not valid at this time: is the clock right?")
    }
    return certificate.publicKey
  }
}

function certificateIn(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new VerificationUnavailableError('what stands in the place of an SNS certificate is none', { cause })
  }
}

/** Tells SNS that we want the topic's messages. @throws VerificationUnavailableError when that was not to be done now. */
export async function confirmSubscription(fetchFrom: typeof fetch, url: URL): Promise<void> {
  await getText(fetchFrom, url, 'the confirmation of the subscription')
}

async function getText(fetchFrom: typeof fetch, url: URL, what: string): Promise<string> {
  let response: Response
  let text: string
  try {
    // A redirect could lead anywhere.
    response = await fetchFrom(url, { redirect: 'error', signal: AbortSignal.timeout(fetchTimeoutMs) })
    text = await response.text()
  } catch {
    // Without its cause, which would be taken for a database that is away.
    throw new VerificationUnavailableError(`${what} is not to be had: Amazon does not answer`)
  }
  if (!response.ok)
    throw new VerificationUnavailableError(`${what} is not to be had: Amazon answers ${response.status}`)
  return text
}

/** A notification as SNS would post it, signed with a private key in PEM. */
export function signNotification(
  { topicArn, messageId, message, at }: { topicArn: string; messageId: string; message: string; at: string },
  privateKey: string,
): SignedRequest {
  const unsigned: SnsMessage = {
    Type: 'Notification',
    MessageId: messageId,
    TopicArn: topicArn,
    Message: message,
    Timestamp: at,
    SignatureVersion: '2',
    Signature: '',
    SigningCertURL: `https://sns.${arnForm.exec(topicArn)?.[1]}.amazonaws.com/SimpleNotificationService-local.pem`,
  }
  const signature = sign(digests['2'], Buffer.from(signedTextOf(unsigned)), privateKey)
  return {
    headers: { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-message-type': 'Notification' },
    body: JSON.stringify({ ...unsigned, Signature: signature.toString('base64') }),
  }
}

/** A public key written as base64 of its DER form. */
export const publicKeyIn = (base64: string): KeyObject =>
  createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' })
