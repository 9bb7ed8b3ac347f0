/**
 * Postmark. Webhooks are not signed: they carry HTTP basic authentication or a header with a token, as configured at Postmark.
 * Sources: postmarkapp.com/developer/webhooks for events, the bounce API's table of types for which bounces are hard.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { normalizeAddress } from '../../domain/address.ts'
import { isSubscriptionEventType, type ReceivedEvent } from '../../domain/events.ts'
import { ownIdsOf } from '../custom-fields.ts'
import { type Bounce, buildBounce, buildEvent, eventIdOf, isHumanEngagement, responseOf } from '../event-builder.ts'
import {
  decodeUtf8,
  identifier,
  idForm,
  type Json,
  parseEnvelope,
  required,
  subjectOf,
  tagsIn,
  textIn,
  timeIn,
} from '../fields.ts'
import { InvalidEventError, type Provider } from '../provider.ts'
import { matchesAny } from '../signature.ts'

const name = 'postmark'

export const postmark: Provider = {
  name,

  verify: (_rawBody, headers, secrets) => matchesAny(secrets, (secret) => isPresented(secret, headers)),

  parse(rawBody, receivedAt) {
    const payload = decodeUtf8(rawBody)
    const record = parseEnvelope(payload)
    const recordType = required('RecordType', identifier, [record['RecordType']])
    if (recordType === 'Inbound') {
      throw new InvalidEventError('this is an inbound email: point only webhooks for outbound emails to this URL')
    }
    return eventsOfRecord(recordType, record, payload, receivedAt)
  },
}

/** The header that carries a secret: basic authentication for `user:password`, else one for a token. */
export const credentialOf = (secret: string): readonly [header: string, value: string] =>
  secret.includes(':')
    ? ['authorization', `Basic ${Buffer.from(secret).toString('base64')}`]
    : ['x-webhook-token', secret]

function isPresented(secret: string, headers: IncomingHttpHeaders): boolean {
  const [header, expected] = credentialOf(secret)
  const value = headers[header]
  if (typeof value !== 'string') return false
  const presented = header === 'authorization' ? value.replace(/^basic +/i, 'Basic ') : value
  return timingSafeEqual(digest(expected), digest(presented))
}

/** Of one length for any text, as `timingSafeEqual` requires. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

const isNoEmail = (messageId: unknown): boolean =>
  messageId === undefined || messageId === null || messageId === '' || /^[0-]+$/.test(String(messageId))

/** Our types by Postmark's record types. A record type without an entry is stored under its own name. */
const types = new Map([
  ['Delivery', 'delivered'],
  ['Bounce', 'bounced'],
  ['SpamComplaint', 'complained'],
  ['Open', 'opened'],
  ['Click', 'clicked'],
])

function typeOf(recordType: string, record: Json): string {
  if (recordType === 'Bounce') return typeOfBounce(textIn(record, ['Type']))
  if (recordType === 'SubscriptionChange') return typeOfChange(record)
  return types.get(recordType) ?? recordType
}

/**
 * The event of a record, as webhooks carry it and the API answers it; none if it is about no email: a change of a suppression by hand,
 * or a request of Postmark's "Send test".
 * @param payload is stored with the event.
 * @param receivedAt epoch milliseconds.
 * @throws InvalidEventError
 */
export function eventsOfRecord(recordType: string, record: Json, payload: string, receivedAt: number): ReceivedEvent[] {
  return isNoEmail(record['MessageID']) ? [] : [eventOf(recordType, record, payload, receivedAt)]
}

function eventOf(recordType: string, record: Json, payload: string, receivedAt: number): ReceivedEvent {
  const address = normalizeAddress(textIn(record, ['Recipient', 'Email']) ?? '')
  const type = typeOf(recordType, record)
  const times = ['DeliveredAt', 'BouncedAt', 'ReceivedAt', 'ChangedAt'].map((field) => record[field])
  return buildEvent({
    provider: name,
    id: idOf(recordType, record, address),
    emailId: required('MessageID', idForm, [record['MessageID']]),
    type,
    occurredAt: timeIn(times) ?? receivedAt,
    receivedAt,
    to: address === null ? [] : [address],
    recipient: address,
    subject: subjectOf({ subject: record['Subject'] }),
    bounce: type === 'bounced' ? bounceOf(record) : null,
    human: isHumanEngagement(type, textIn(record, ['UserAgent'])),
    response: type === 'delivered' ? responseOf(textIn(record, ['Details'])) : null,
    list: isSubscriptionEventType(type) ? textIn(record, ['MessageStream']) : null,
    tags: tagsIn(record['Tag']),
    ...ownIdsOf(record['Metadata']),
    payload,
  })
}

/**
 * Bounces and complaints have an ID, which is that of the bounce API: a complaint has the same whether it comes as a bounce or as a
 * complaint. A message is delivered to each recipient once, so its time is not part of the identity: webhook and API may write it
 * differently. The other records are identified by what happened to whom and when.
 */
function idOf(recordType: string, record: Json, recipient: string | null): string {
  if (record['ID'] !== undefined && record['ID'] !== null) {
    const kind = record['Type'] === 'SpamComplaint' ? 'SpamComplaint' : recordType
    return `${kind}:${required('ID', idForm, [record['ID']])}`
  }
  return recordType === 'Delivery'
    ? eventIdOf(recordType, record['MessageID'], recipient ?? record['Recipient'])
    : eventIdOf(recordType, ...identifyingNames.map((field) => record[field]))
}

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

/**
 * What a bounce type means where it is no bounce: https://postmarkapp.com/developer/api/bounce-api#bounce-types. The email arrived, or
 * the record is not about its delivery. A type that is stored under its own name affects nothing.
 */
const bounceTypes = new Map([
  ['SpamComplaint', 'complained'],
  ['Unsubscribe', 'unsubscribed'],
  ['Subscribe', 'resubscribed'],
  ['AddressChange', 'AddressChange'],
  ['OpenRelayTest', 'OpenRelayTest'],
  ['InboundError', 'InboundError'],
])

/** Types that Postmark has added since are bounces too. */
const typeOfBounce = (bounceType: string | null): string => bounceTypes.get(bounceType ?? '') ?? 'bounced'

/**
 * Postmark changes a subscription for a hard bounce or a complaint too. Their own records have the facts, so the change is only shown;
 * as is one that the customer made by hand.
 */
function typeOfChange(record: Json): string {
  if (record['SuppressSending'] === false) return 'resubscribed'
  const isByRecipient = textIn(record, ['Origin']) === 'Recipient'
  return isByRecipient && textIn(record, ['SuppressionReason']) === 'ManualSuppression'
    ? 'unsubscribed'
    : 'subscription_change'
}

const hardTypes: ReadonlySet<string> = new Set(['HardBounce', 'BadEmailAddress', 'ManuallyDeactivated'])

/** Postmark still tries: "Message delayed", "a temporary DNS error". */
const delayTypes: ReadonlySet<string> = new Set(['Transient', 'DnsError'])

/** `Inactive`: Postmark does not send to the address any more. It marks hard bounces of types that are not known here. */
function bounceOf(record: Json): Bounce {
  const type = textIn(record, ['Type']) ?? 'Unknown'
  return buildBounce({
    class: hardTypes.has(type) || record['Inactive'] === true ? 'hard' : 'soft',
    message: textIn(record, ['Details']) || textIn(record, ['Description']),
    word: 'Bounce',
    subWord: type,
    isOver: !delayTypes.has(type),
  })
}
