/**
 * Amazon SNS over HTTPS: verifies a message's signature and confirms a subscription. Sources: "Verifying the signatures of
 * Amazon SNS messages" in the SNS developer guide, and Amazon's own sns-validator for what is signed.
 */
import { createVerify, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { bodyObject } from '../event-builder.ts'
import { VerificationUnavailableError } from '../provider.ts'

/** The signed text separates fields by line breaks: with one inside, a part of one field could be moved to another. */
const line = z.string().regex(/^\P{Cc}*$/u)

const envelope = z.object({
  Type: z.enum(['Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation']),
  MessageId: line.min(1).max(255),
  TopicArn: line,
  Message: z.string(),
  Timestamp: line,
  SignatureVersion: z.enum(['1', '2']),
  Signature: z.string(),
  SigningCertURL: z.string(),
  Subject: line.nullish(),
  Token: line.optional(),
  SubscribeURL: line.optional(),
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

/** Confirms the subscription to a topic. @throws VerificationUnavailableError when its owner gives no answer of 2xx. */
export async function confirmSubscription(fetchFrom: typeof fetch, url: URL, owner: string): Promise<void> {
  const what = 'confirming the subscription'
  const { status } = await fetchText(fetchFrom, url, what, owner)
  if (status < 200 || status > 299) throw new VerificationUnavailableError(`${what} failed: ${owner} answers ${status}`)
}

const fetchTimeoutMs = 1_500

/** @throws VerificationUnavailableError when `owner` does not answer. */
export async function fetchText(
  fetchFrom: typeof fetch,
  url: URL,
  what: string,
  owner: string,
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    // A redirect could lead anywhere.
    const response = await fetchFrom(url, { redirect: 'error', signal: AbortSignal.timeout(fetchTimeoutMs) })
    return { status: response.status, text: await response.text() }
  } catch {
    // Without the cause: the caller takes a network error in it for an unreachable database.
    throw new VerificationUnavailableError(`${what} failed: ${owner} does not answer`)
  }
}
