/**
 * SendGrid's Event Webhook: batches of events, signed with ECDSA over P-256. Sources: Twilio's "Event Webhook Reference" for
 * events and fields, SendGrid's own `@sendgrid/eventwebhook` for the signature.
 */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { normalizeAddress } from '../domain/address.ts'
import { classifyBounce } from '../domain/bounce-policy.ts'
import { isLikelyHuman } from '../domain/engagement-policy.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import { decodeUtf8, identifier, idForm, instant, isObject, type Json, parseJson, required, textIn } from './fields.ts'
import { InvalidEventError, type Provider, type Sign } from './provider.ts'
import { deferral, eventIdOf, eventsOfBatch, smtpCodeIn, toldBounce, toldEvent } from './told-event.ts'

const name = 'sendgrid'

const [signatureHeader, timestampHeader] = [
  'x-twilio-email-event-webhook-signature',
  'x-twilio-email-event-webhook-timestamp',
]

export const sendgrid: Provider = {
  name,

  verify(rawBody, headers, publicKeys) {
    const [signature, timestamp] = [headers[signatureHeader], headers[timestampHeader]]
    if (typeof signature !== 'string' || typeof timestamp !== 'string') return false
    const signed = Buffer.concat([Buffer.from(timestamp), rawBody])
    const presented = Buffer.from(signature, 'base64')
    return publicKeys.some((publicKey) => verify('sha256', signed, keyIn(publicKey), presented))
  },

  // The signed timestamp may be old: an event that comes again is known by its ID.
  parse(rawBody, receivedAt) {
    const batch = parseJson(decodeUtf8(rawBody))
    if (!Array.isArray(batch)) throw new InvalidEventError('the body is not a JSON array of events')
    return eventsOfBatch(
      batch,
      (entry) => eventsIn(entry, receivedAt),
      (entry) => ({ provider: name, receivedAt, ...remainsOf(entry) }),
    )
  },
}

/** The request that SendGrid would send: `body` is the batch, `secret` a private key in PEM. */
export const signSendgrid: Sign = (body, secret, signedAt) => {
  const timestamp = String(Math.floor(signedAt / 1000))
  return {
    headers: {
      'content-type': 'application/json',
      [timestampHeader]: timestamp,
      [signatureHeader]: sign('sha256', Buffer.from(timestamp + body), secret).toString('base64'),
    },
    body,
  }
}

/** Whether a setting is a public key as SendGrid shows it: base64 of its DER form. */
export function isSendgridKey(entry: string): boolean {
  try {
    return keyIn(entry).asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false
  }
}

const keyIn = (publicKey: string): KeyObject =>
  createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })

/** Theirs to ours. A word that does not stand here is stored as it is. */
const ourTypes: Readonly<Record<string, string>> = {
  processed: 'sending',
  deferred: 'bounced',
  bounce: 'bounced',
  dropped: 'bounced',
  open: 'opened',
  click: 'clicked',
  spamreport: 'complained',
}

function eventsIn(entry: unknown, receivedAt: number): ReceivedEvent[] {
  if (!isObject(entry)) throw new InvalidEventError('the event is not a JSON object')
  const word = required('event', identifier, [entry['event']])
  // About our account, not about an email.
  if (word === 'account_status_change') return []
  const to = addressesIn(entry)
  const { bounce, isAboutRecipient } = bounceOf(word, entry)
  return [
    toldEvent({
      provider: name,
      id: stableIdOf(entry),
      emailId: required('sg_message_id', idForm, [emailIdIn(entry)]),
      type: Object.hasOwn(ourTypes, word) ? (ourTypes[word] ?? word) : word,
      occurredAt: required('timestamp', instant, [entry['timestamp']]),
      receivedAt,
      to,
      recipient: isAboutRecipient ? (to[0] ?? null) : null,
      bounce,
      human: (word === 'open' || word === 'click') && isHuman(entry),
      payload: JSON.stringify(entry),
    }),
  ]
}

function addressesIn(entry: Json): string[] {
  const address = normalizeAddress(textIn(entry, ['email']) ?? '')
  return address === null ? [] : [address]
}

/** Whose event it is, where that much can be read: to be shown with the email, and found when the person is to be forgotten. */
function remainsOf(entry: unknown): Pick<ReceivedEvent, 'emailId' | 'to'> {
  if (!isObject(entry)) return { emailId: '', to: [] }
  const emailId = idForm.safeParse(emailIdIn(entry))
  return { emailId: emailId.success ? emailId.data : '', to: addressesIn(entry) }
}

/** `sg_machine_open` tells Apple's Mail Privacy Protection, which no user agent does. */
const isHuman = (entry: Json): boolean =>
  entry['sg_machine_open'] !== true && isLikelyHuman(textIn(entry, ['useragent']))

/**
 * `sg_event_id` is meant for this, but a retry may have another one (sendgrid/sendgrid-nodejs issue 1435), and repeats are
 * common (sendgrid/docs issue 2933 tells of up to 46). What happened to whom, when and how is the same in every repeat. The price: two opens of one
 * recipient in the same second with the same program from the same address count as one.
 */
const stableIdOf = (entry: Json): string => eventIdOf(...identifyingNames.map((field) => entry[field]))

const identifyingNames = [
  'sg_message_id',
  'event',
  'email',
  'timestamp',
  'type',
  'attempt',
  'reason',
  'response',
  'status',
  'url',
  'url_offset',
  'useragent',
  'ip',
  'asm_group_id',
]

/**
 * What the API answered as `X-Message-Id` when the email was sent: `sg_message_id` up to the filter that it went through,
 * else the name in `smtp-id`. An email that came over SMTP without either is known by the whole `sg_message_id`.
 */
function emailIdIn(entry: Json): string | undefined {
  const messageId = textIn(entry, ['sg_message_id']) || undefined
  const beforeFilter = /^(.+?)\.(?:filter|recvd)/.exec(messageId ?? '')?.[1]
  const inSmtpId = /^<([^@<>]+)@(?:geopod-)?ismtpd/.exec(textIn(entry, ['smtp-id']) ?? '')?.[1]
  return beforeFilter ?? inSmtpId ?? messageId
}

/** Reasons for which SendGrid will not send to the address again, whatever the email. */
const droppedForGood = /^(bounced address|invalid|invalid address|spam reporting address)$/i

/** Blocks that are about the recipient; the others are about us: content, reputation, volume. */
const blockedRecipient = /^(invalid|mailbox unavailable)/i

/** Whether the event says something against the recipient stands beside the bounce: see {@link deferral}. */
function bounceOf(word: string, entry: Json): { bounce: ReceivedEvent['bounce']; isAboutRecipient: boolean } {
  const message = textIn(entry, ['reason', 'response'])
  const code = smtpCodeIn(textIn(entry, ['status'])) ?? smtpCodeIn(message)
  if (word === 'deferred') return { bounce: deferral(code, message), isAboutRecipient: false }
  if (word === 'dropped') {
    const isFinal = droppedForGood.test(message ?? '')
    return { bounce: toldBounce(isFinal ? 'hard' : 'soft', code, message), isAboutRecipient: isFinal }
  }
  if (word !== 'bounce') return { bounce: null, isAboutRecipient: true }
  const type = textIn(entry, ['type'])
  if (type === 'blocked' || type === 'expired') {
    const isAboutRecipient = blockedRecipient.test(textIn(entry, ['bounce_classification']) ?? '')
    return { bounce: toldBounce('soft', code, message), isAboutRecipient }
  }
  return { bounce: toldBounce(classifyBounce({ code }), code, message), isAboutRecipient: true }
}
