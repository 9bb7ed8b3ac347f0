/**
 * Amazon SNS over HTTPS: verifies a message's signature and confirms a subscription. Sources: "Verifying the signatures of
 * Amazon SNS messages" in the SNS developer guide, and Amazon's own sns-validator for what is signed.
 */
import { createVerify, type KeyObject, X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { bodyObject } from '../event-builder.ts'
import { type AdapterDependencies, VerificationUnavailableError } from '../provider.ts'

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

/** The SNS message in a body; null if it is none. */
export function snsMessageIn(rawBody: Buffer): SnsMessage | null {
  try {
    const body = bodyObject(rawBody)
    // Some of Amazon's services write `Url`.
    const spelled = { ...body, SigningCertURL: body['SigningCertURL'] ?? body['SigningCertUrl'] }
    return envelope.safeParse(spelled).data ?? null
  } catch {
    return null
  }
}

/** The signed fields in their order; those that a message lacks are left out. */
const signedFields = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
} as const satisfies Record<SnsMessage['Type'], readonly (keyof SnsMessage)[]>

/** The text that the signature covers. */
export const signedTextOf = (message: SnsMessage): string =>
  signedFields[message.Type]
    .filter((field) => message[field] !== undefined && message[field] !== null)
    .map((field) => `${field}\n${message[field]}\n`)
    .join('')

export const digests = { '1': 'RSA-SHA1', '2': 'RSA-SHA256' } as const

/** Whether the holder of `key` signed the message. */
export const isSignedBy = (message: SnsMessage, key: KeyObject): boolean =>
  createVerify(digests[message.SignatureVersion]).update(signedTextOf(message)).verify(key, message.Signature, 'base64')

const arnForm = /^arn:(aws(?:-[a-z]+)*):sns:([a-z0-9-]+):\d{12}:[\w-]{1,256}(?:\.fifo)?$/

/** The domains of Amazon's partitions that have SES: the world, China, the US government, the European Sovereign Cloud. */
const domains = new Map([
  ['aws', 'amazonaws.com'],
  ['aws-cn', 'amazonaws.com.cn'],
  ['aws-us-gov', 'amazonaws.com'],
  ['aws-eusc', 'amazonaws.eu'],
])

/** The host of SNS in the topic's region and partition; undefined if the text is not the ARN of a topic. */
export function snsHostOf(topicArn: string): string | undefined {
  const [, partition = '', region] = arnForm.exec(topicArn) ?? []
  const domain = domains.get(partition)
  return domain && `sns.${region}.${domain}`
}

/** A URL of SNS in the topic's region, with https, without a port or user name; null for any other. */
export function snsUrl(text: string, topicArn: string): URL | null {
  const host = snsHostOf(topicArn)
  if (host === undefined || !URL.canParse(text)) return null
  const url = new URL(text)
  return url.origin === `https://${host}` && url.username === '' ? url : null
}

/** The path of certificates. A sender cannot make this server fetch anything else. */
const certificatePath = /^\/SimpleNotificationService-\w{1,64}\.pem$/

/** Amazon changes its certificate about once a year; it is fetched again after a day. */
const [cachedForMs, fetchTimeoutMs, maxCachedKeys] = [24 * 3_600_000, 1_500, 20]

type SigningKeysOptions = Pick<AdapterDependencies, 'fetch' | 'clock'>

/** The keys that SNS signs with, from its certificates. Each is fetched once a day. */
export class SigningKeys {
  readonly #options: SigningKeysOptions
  readonly #cached = new Map<string, { readonly key: Promise<KeyObject>; readonly until: number }>()

  constructor(options: SigningKeysOptions) {
    this.#options = options
  }

  /**
   * The key of a message's `SigningCertURL`; null if that is not the URL of an SNS certificate.
   * @throws VerificationUnavailableError when the certificate cannot be fetched.
   */
  async keyFor({ SigningCertURL, TopicArn }: SnsMessage): Promise<KeyObject | null> {
    const url = snsUrl(SigningCertURL, TopicArn)
    if (!url || !certificatePath.test(url.pathname) || url.search !== '') return null
    const now = this.#options.clock()
    const cached = this.#cached.get(url.href)
    if (cached && now < cached.until) return cached.key
    if (this.#cached.size >= maxCachedKeys) this.#cached.clear()
    const key = this.#fetchKey(url)
    this.#cached.set(url.href, { key, until: now + cachedForMs })
    // The next message fetches it again.
    key.catch(() => this.#cached.delete(url.href))
    return key
  }

  async #fetchKey(url: URL): Promise<KeyObject> {
    const certificate = certificateIn(await getText(this.#options.fetch, url, 'fetching the certificate of SNS'))
    const now = this.#options.clock()
    if (now < Date.parse(certificate.validFrom) || now > Date.parse(certificate.validTo)) {
      throw new VerificationUnavailableError(
        'the certificate of SNS is not valid at this time: check the clock of this machine',
      )
    }
    return certificate.publicKey
  }
}

function certificateIn(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new VerificationUnavailableError('the certificate of SNS is unreadable', { cause })
  }
}

/** Confirms the subscription to a topic. @throws VerificationUnavailableError when Amazon gives no answer of 2xx. */
export async function confirmSubscription(fetchFrom: typeof fetch, url: URL): Promise<void> {
  await getText(fetchFrom, url, 'confirming the subscription')
}

async function getText(fetchFrom: typeof fetch, url: URL, what: string): Promise<string> {
  let response: Response
  let text: string
  try {
    // A redirect could lead anywhere.
    response = await fetchFrom(url, { redirect: 'error', signal: AbortSignal.timeout(fetchTimeoutMs) })
    text = await response.text()
  } catch {
    // Without the cause: the caller takes a network error in it for an unreachable database.
    throw new VerificationUnavailableError(`${what} failed: Amazon does not answer`)
  }
  if (!response.ok) throw new VerificationUnavailableError(`${what} failed: Amazon answers ${response.status}`)
  return text
}
