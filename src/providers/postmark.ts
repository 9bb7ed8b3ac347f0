/**
 * Postmark. Webhooks are not signed: they carry HTTP basic authentication, or a header with a token, as they were set up.
 * Sources: postmarkapp.com/developer/webhooks for events, its bounce API's table of types for what is hard.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { normalizeAddress } from '../domain/address.ts'
import { isLikelyHuman } from '../domain/engagement-policy.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import {
  decodeUtf8,
  first,
  identifier,
  idForm,
  instant,
  type Json,
  parseEnvelope,
  required,
  subjectOf,
  textIn,
} from './fields.ts'
import { InvalidEventError, type Provider, type Sign } from './provider.ts'
import { eventIdOf, smtpCodeIn, toldBounce, toldEvent } from './told-event.ts'

const name = 'postmark'

/** The header for a token, where basic authentication is not wanted. */
const tokenHeader = 'x-webhook-token'

export const postmark: Provider = {
  name,

  verify: (_rawBody, headers, secrets) =>
    // Every secret is compared, so that the time taken does not tell which one was meant.
    secrets.reduce((genuine, secret) => isPresented(secret, headers) || genuine, false),

  parse(rawBody, receivedAt) {
    const payload = decodeUtf8(rawBody)
    const record = parseEnvelope(payload)
    const recordType = required('RecordType', identifier, [record['RecordType']])
    if (recordType === 'Inbound') {
      throw new InvalidEventError('this is an inbound email: point only webhooks for what was sent here')
    }
    // A suppression that was changed by hand is about no email.
    if (isNoEmail(record['MessageID'])) return []
    return [eventOf(recordType, record, payload, receivedAt)]
  },
}

/** The request that Postmark would send; `secret` is `user:password`, or a token. */
export const signPostmark: Sign = (body, secret) => ({
  headers: {
    'content-type': 'application/json',
    ...(secret.includes(':') ? { authorization: basicOf(secret) } : { [tokenHeader]: secret }),
  },
  body,
})

const basicOf = (userAndPassword: string): string => `Basic ${Buffer.from(userAndPassword).toString('base64')}`

function isPresented(secret: string, headers: IncomingHttpHeaders): boolean {
  const [wanted, presented] = secret.includes(':')
    ? [basicOf(secret), headers.authorization?.replace(/^basic +/i, 'Basic ')]
    : [secret, headers[tokenHeader]]
  return typeof presented === 'string' && timingSafeEqual(digest(wanted), digest(presented))
}

/** Of one length, whatever was presented: `timingSafeEqual` wants that. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

const isNoEmail = (messageId: unknown): boolean =>
  messageId === undefined || messageId === null || messageId === '' || /^[0-]+$/.test(String(messageId))

/** Theirs to ours. A record that does not stand here is stored under its own name. */
const ourTypes: Readonly<Record<string, string>> = {
  Delivery: 'delivered',
  Bounce: 'bounced',
  SpamComplaint: 'complained',
  Open: 'opened',
  Click: 'clicked',
  SubscriptionChange: 'subscription_change',
}

function eventOf(recordType: string, record: Json, payload: string, receivedAt: number): ReceivedEvent {
  const address = normalizeAddress(textIn(record, ['Recipient', 'Email']) ?? '')
  const { type, bounce, isAboutRecipient } = outcomeOf(recordType, record)
  const at = first('time', instant, [
    record['DeliveredAt'],
    record['BouncedAt'],
    record['ReceivedAt'],
    record['ChangedAt'],
  ])
  return toldEvent({
    provider: name,
    id: idOf(recordType, record),
    emailId: required('MessageID', idForm, [record['MessageID']]),
    type,
    occurredAt: at ?? receivedAt,
    receivedAt,
    to: address === null ? [] : [address],
    recipient: isAboutRecipient ? address : null,
    subject: subjectOf({ subject: record['Subject'] }),
    bounce,
    human: (type === 'opened' || type === 'clicked') && isLikelyHuman(textIn(record, ['UserAgent'])),
    payload,
  })
}

/** Bounces and complaints have an ID of their own; of the others, what happened to whom and when is one. */
const idOf = (recordType: string, record: Json): string =>
  record['ID'] === undefined || record['ID'] === null
    ? eventIdOf(recordType, ...identifyingNames.map((field) => record[field]))
    : `${recordType}:${required('ID', idForm, [record['ID']])}`

const identifyingNames = [
  'MessageID',
  'Recipient',
  'DeliveredAt',
  'ReceivedAt',
  'ChangedAt',
  'OriginalLink',
  'ClickLocation',
  'SuppressSending',
]

/** What a bounce's type means, by Postmark's table: https://postmarkapp.com/developer/api/bounce-api#bounce-types */
const bounceMeanings: Readonly<Record<string, BounceMeaning>> = {
  HardBounce: 'hard',
  BadEmailAddress: 'hard',
  ManuallyDeactivated: 'hard',
  SpamNotification: 'complaint',
  SpamComplaint: 'complaint',
  Transient: 'soft',
  DnsError: 'soft',
  SoftBounce: 'soft',
  Unknown: 'soft',
  Undeliverable: 'soft',
  // Refused for what it is or whom it is from: nothing against the recipient.
  Blocked: 'refused',
  VirusNotification: 'refused',
  DMARCPolicy: 'refused',
  SMTPApiError: 'refused',
  TemplateRenderingFailed: 'refused',
  Unconfirmed: 'refused',
}

type BounceMeaning = 'hard' | 'soft' | 'refused' | 'complaint'

interface Outcome {
  readonly type: string
  readonly bounce: ReceivedEvent['bounce']
  /** Whether it says something against the recipient. */
  readonly isAboutRecipient: boolean
}

function outcomeOf(recordType: string, record: Json): Outcome {
  const type = Object.hasOwn(ourTypes, recordType) ? (ourTypes[recordType] ?? recordType) : recordType
  if (recordType !== 'Bounce') return { type, bounce: null, isAboutRecipient: true }
  const word = textIn(record, ['Type']) ?? 'Unknown'
  const meaning = Object.hasOwn(bounceMeanings, word) ? bounceMeanings[word] : undefined
  if (meaning === 'complaint') return { type: 'complained', bounce: null, isAboutRecipient: true }
  // Automatic replies, subscriptions, tests of open relays: the email arrived, or it is not about its delivery.
  if (meaning === undefined) return { type: word, bounce: null, isAboutRecipient: true }
  const details = textIn(record, ['Details'])
  return {
    type,
    bounce: toldBounce(
      meaning === 'hard' ? 'hard' : 'soft',
      smtpCodeIn(details),
      details ?? textIn(record, ['Description']),
    ),
    isAboutRecipient: meaning !== 'refused',
  }
}
