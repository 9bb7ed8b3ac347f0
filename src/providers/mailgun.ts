/**
 * Mailgun. The signature stands in the body and covers a timestamp and a token, but nothing of the event: whoever has seen
 * one request could put its signature on an event of his own. So a token is good for one event, for as long as its timestamp
 * is. Sources: Mailgun's documentation of webhooks, "Securing webhooks" and the events API.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { normalizeAddress } from '../domain/address.ts'
import { classifyBounce } from '../domain/bounce-policy.ts'
import { isLikelyHuman } from '../domain/engagement-policy.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import { identifier, idForm, instant, isObject, type Json, partOf, required, subjectOf, textIn } from './fields.ts'
import { InvalidEventError, type Provider, type Sign } from './provider.ts'
import { bodyObject, deferral, eventIdOf, smtpCodeIn, toldBounce, toldEvent } from './told-event.ts'

const name = 'mailgun'

/** Remembers which token came with which event, in all processes and over restarts. */
export interface UsedTokens {
  /**
   * Whether `token` is new, or came with this very event before.
   * @throws DatabaseUnavailableError when that cannot be told now.
   */
  claim(provider: string, token: string, event: string): Promise<boolean>
}

/**
 * How old a signed timestamp may be, and how far ahead. Mailgun tries a webhook again for 8 hours, by all that is known with
 * the signature that it had at first (hookdeck/webhook-skills, mailgun-webhooks): a shorter time would refuse what was
 * genuinely held up, as it did in beyondcode/laravel-mailbox issue 93.
 */
const [oldestMs, furthestAheadMs] = [9 * 3_600_000, 5 * 60_000]

export interface MailgunOptions {
  readonly tokens: UsedTokens
  /** Epoch milliseconds. */
  readonly clock: () => number
}

export const createMailgun = ({ tokens, clock }: MailgunOptions): Provider => ({
  name,

  verify(rawBody, _headers, signingKeys) {
    const signature = signatureIn(rawBody)
    if (signature === null) return false
    const ageMs = clock() - Number(signature.timestamp) * 1000
    if (!isSigned(signature, signingKeys) || ageMs > oldestMs || ageMs < -furthestAheadMs) return false
    return tokens.claim(name, signature.token, eventNamedIn(rawBody))
  },

  parse(rawBody, receivedAt) {
    const data = bodyObject(rawBody)['event-data']
    if (!isObject(data)) throw new InvalidEventError('the body has no event-data')
    return [eventOf(data, receivedAt)]
  },
})

/** The request that Mailgun would send: `body` is what stands in `event-data`. */
export const signMailgun: Sign = (body, secret, signedAt) => {
  const timestamp = String(Math.floor(signedAt / 1000))
  const token = createHash('sha256').update(body).digest('hex').slice(0, 50)
  const signature = hmac(timestamp + token, secret).toString('hex')
  return {
    headers: { 'content-type': 'application/json' },
    body: `{"signature":${JSON.stringify({ token, timestamp, signature })},"event-data":${body}}`,
  }
}

/**
 * What makes an event the same to us, whatever else its request says: another body with the same token and event is a
 * repeat, and dropped.
 */
function eventNamedIn(rawBody: Buffer): string {
  const { id, timestamp } = partOf(bodyObject(rawBody), 'event-data')
  return eventIdOf(id, timestamp)
}

interface Signature {
  readonly timestamp: string
  readonly token: string
  readonly signature: Buffer
}

function signatureIn(rawBody: Buffer): Signature | null {
  const { timestamp, token, signature } = signaturePartOf(rawBody)
  const isWhole =
    /^\d{1,12}$/.test(String(timestamp)) &&
    /^[\w-]{1,128}$/.test(String(token)) &&
    /^[0-9a-f]{64}$/i.test(String(signature))
  return isWhole
    ? { timestamp: String(timestamp), token: String(token), signature: Buffer.from(String(signature), 'hex') }
    : null
}

function signaturePartOf(rawBody: Buffer): Json {
  try {
    return partOf(bodyObject(rawBody), 'signature')
  } catch {
    // What is no JSON is not signed.
    return {}
  }
}

const isSigned = ({ timestamp, token, signature }: Signature, signingKeys: readonly string[]): boolean =>
  // Every key is tried, so that the time taken does not tell which one signed.
  signingKeys.reduce((genuine, key) => timingSafeEqual(hmac(timestamp + token, key), signature) || genuine, false)

const hmac = (text: string, key: string): Buffer => createHmac('sha256', key).update(text).digest()

/** Theirs to ours. A word that does not stand here is stored as it is. */
const ourTypes: Readonly<Record<string, string>> = { accepted: 'queued', failed: 'bounced', rejected: 'bounced' }

function eventOf(data: Json, receivedAt: number): ReceivedEvent {
  const word = required('event', identifier, [data['event']])
  const headers = partOf(partOf(data, 'message'), 'headers')
  const address = normalizeAddress(textIn(data, ['recipient']) ?? textIn(headers, ['to']) ?? '')
  const occurredAt = required('timestamp', instant, [data['timestamp']])
  const client = partOf(data, 'client-info')
  const { bounce, isAboutRecipient } = bounceOf(word, data)
  return toldEvent({
    provider: name,
    // Mailgun promises an event's ID to be unique within a day only.
    id: `${new Date(occurredAt).toISOString().slice(0, 10)}/${required('event ID', idForm, [data['id']])}`,
    emailId: required('message-id', idForm, [textIn(headers, ['message-id'])?.replace(/^<(.*)>$/, '$1')]),
    type: Object.hasOwn(ourTypes, word) ? (ourTypes[word] ?? word) : word,
    occurredAt,
    receivedAt,
    to: address === null ? [] : [address],
    recipient: isAboutRecipient ? address : null,
    subject: subjectOf(headers),
    bounce,
    human: (word === 'opened' || word === 'clicked') && !isBot(client) && isLikelyHuman(textIn(client, ['user-agent'])),
    // Without the signature, which is good for nothing but this webhook.
    payload: JSON.stringify(data),
  })
}

/** Mailgun names known machines itself: `generic`, `apple`, `gmail`. */
const isBot = (client: Json): boolean => (textIn(client, ['bot']) ?? '') !== ''

/** Reasons of a permanent failure that are about the recipient; the others are our own doing, or the receiver's dislike of us. */
const recipientsReason = /^(bounce|hardfail|suppress-bounce|suppress-complaint)$/

/** Whether the event says something against the recipient stands beside the bounce. */
function bounceOf(word: string, data: Json): { bounce: ReceivedEvent['bounce']; isAboutRecipient: boolean } {
  if (word === 'rejected') {
    return {
      bounce: deferral(null, textIn(partOf(data, 'reject'), ['reason', 'description'])),
      isAboutRecipient: false,
    }
  }
  if (word !== 'failed') return { bounce: null, isAboutRecipient: true }
  const status = partOf(data, 'delivery-status')
  const message = textIn(status, ['message']) || textIn(status, ['description'])
  const code = smtpCodeIn(textIn(status, ['enhanced-code'])) ?? smtpCodeIn(message) ?? textIn(status, ['code'])
  if (textIn(data, ['severity']) !== 'permanent') {
    // Mailgun goes on trying.
    return { bounce: deferral(code, message), isAboutRecipient: false }
  }
  const isAboutRecipient = recipientsReason.test(textIn(data, ['reason']) ?? '') || /^5\.1\./.test(code ?? '')
  const type = textIn(status, ['bounce-type'])
  return {
    bounce: toldBounce(isAboutRecipient ? classifyBounce({ type, code }) : 'soft', code, message),
    isAboutRecipient,
  }
}
