/**
 * SendGrid's Event Webhook: batches of events, signed with ECDSA over P-256. Sources: Twilio's "Event Webhook Reference" for
 * events and fields, SendGrid's own `@sendgrid/eventwebhook` for the signature.
 */
import { verify } from 'node:crypto'
import { normalizeAddress } from '../../domain/address.ts'
import { classifyBounce } from '../../domain/bounce-policy.ts'
import { isSubscriptionEventType, type ReceivedEvent } from '../../domain/events.ts'
import {
  type Bounce,
  buildBounce,
  buildEvent,
  codeIn,
  eventIdOf,
  eventsOfBatch,
  isHumanEngagement,
  responseOf,
  unknownEmailId,
} from '../event-builder.ts'
import {
  decodeUtf8,
  first,
  identifier,
  idForm,
  isObject,
  type Json,
  parseJson,
  required,
  tagsIn,
  textIn,
  timeIn,
} from '../fields.ts'
import { InvalidEventError, type Provider } from '../provider.ts'
import { publicKeyIn } from '../signature.ts'
import { sendgridOwnIdsOf } from './custom-arguments.ts'

const name = 'sendgrid'

export const signatureHeader = 'x-twilio-email-event-webhook-signature'
export const timestampHeader = 'x-twilio-email-event-webhook-timestamp'

export const sendgrid: Provider = {
  name,

  verify(rawBody, headers, publicKeys) {
    const [signature, timestamp] = [headers[signatureHeader], headers[timestampHeader]]
    if (typeof signature !== 'string' || typeof timestamp !== 'string') return false
    const signed = Buffer.concat([Buffer.from(timestamp), rawBody])
    const presented = Buffer.from(signature, 'base64')
    return publicKeys.some((publicKey) => verify('sha256', signed, publicKeyIn(publicKey), presented))
  },

  // The signed timestamp may be old: a repeat is recognized by its event ID.
  parse(rawBody, receivedAt) {
    const batch = parseJson(decodeUtf8(rawBody))
    if (!Array.isArray(batch)) throw new InvalidEventError('the body is not a JSON array of events')
    return eventsOfBatch(
      batch,
      (entry) => sendgridEventsIn(entry, receivedAt),
      (entry) => ({ provider: name, receivedAt, ...readableFactsOf(entry) }),
    )
  },
}

/** Whether a value is a public key as SendGrid shows it: base64 of its DER form. */
export function isSendgridKey(value: string): boolean {
  try {
    return publicKeyIn(value).asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false
  }
}

/** Our types by SendGrid's. A type without an entry is stored under its own name. */
const types = new Map([
  ['processed', 'sending'],
  ['deferred', 'bounced'],
  ['bounce', 'bounced'],
  ['dropped', 'bounced'],
  ['cancel_drop', 'bounced'],
  ['open', 'opened'],
  ['click', 'clicked'],
  ['spamreport', 'complained'],
  ['unsubscribe', 'unsubscribed'],
  ['group_unsubscribe', 'unsubscribed'],
  ['group_resubscribe', 'resubscribed'],
])

/**
 * The event in an entry of a webhook, or of Email Logs, which have the same form; none if it is not about an email.
 * @throws InvalidEventError if it cannot be read.
 */
export function sendgridEventsIn(entry: unknown, receivedAt: number): ReceivedEvent[] {
  if (!isObject(entry)) throw new InvalidEventError('the event is not a JSON object')
  const sendgridType = required('event', identifier, [entry['event']])
  // About the account, not about an email.
  if (sendgridType === 'account_status_change') return []
  const type = types.get(sendgridType) ?? sendgridType
  const id = stableIdOf(entry)
  const to = addressesIn(entry)
  return [
    buildEvent({
      provider: name,
      id,
      emailId: emailIdOf(entry, type, id),
      type,
      occurredAt: timeIn([entry['timestamp']]) ?? receivedAt,
      receivedAt,
      to,
      recipient: to[0] ?? null,
      bounce: bounceOf(sendgridType, entry),
      // `sg_machine_open` marks Apple's Mail Privacy Protection, which no user agent reveals.
      human: entry['sg_machine_open'] !== true && isHumanEngagement(type, textIn(entry, ['useragent'])),
      response: type === 'delivered' ? responseOf(textIn(entry, ['response'])) : null,
      // Without a group: all emails of the account.
      list: isSubscriptionEventType(type) ? textIn(entry, ['asm_group_id']) : null,
      tags: tagsIn(entry['category']),
      ...sendgridOwnIdsOf(entry),
      payload: JSON.stringify(entry),
    }),
  ]
}

/**
 * A bounce that arrives after the receiver had accepted the email has no `sg_message_id` (Twilio's reference). SendGrid does not
 * write to its address any more, and neither must the application. Events that suppress nobody are of no use without their email.
 */
function emailIdOf(entry: Json, type: string, id: string): string {
  const emailId = first('sg_message_id', idForm, [emailIdIn(entry)])
  if (emailId === undefined && (type === 'bounced' || type === 'complained')) return unknownEmailId(id)
  return required('sg_message_id', idForm, [emailId])
}

function addressesIn(entry: Json): string[] {
  const address = normalizeAddress(textIn(entry, ['email']) ?? '')
  return address === null ? [] : [address]
}

/** The email and the address of an unreadable event: to show it with its email, and to erase it with the person. */
function readableFactsOf(entry: unknown): Pick<ReceivedEvent, 'emailId' | 'to'> {
  if (!isObject(entry)) return { emailId: '', to: [] }
  const emailId = idForm.safeParse(emailIdIn(entry))
  return { emailId: emailId.success ? emailId.data : '', to: addressesIn(entry) }
}

/**
 * `sg_event_id` is not stable: a retry may have another one (sendgrid/sendgrid-nodejs issue 1435), and repeats are common
 * (sendgrid/docs issue 2933 reports up to 46). The fields below are equal in every repeat. The cost: two opens by one recipient
 * in the same second with the same program from the same IP address count as one. Email Logs have no `status` of a dropped email, and its
 * reason says as much.
 */
const stableIdOf = (entry: Json): string =>
  eventIdOf(
    ...identifyingNames.map((field) => (entry['event'] === 'dropped' && field === 'status' ? undefined : entry[field])),
  )

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
 * The `X-Message-Id` that the API answered when the email was sent: `sg_message_id` up to the filter's name, else the name in
 * `smtp-id`. An email sent over SMTP may have neither; its ID is the whole `sg_message_id`.
 */
function emailIdIn(entry: Json): string | undefined {
  const messageId = textIn(entry, ['sg_message_id']) || undefined
  const beforeFilter = /^(.+?)\.(?:filter|recvd)/.exec(messageId ?? '')?.[1]
  const inSmtpId = smtpId.exec(textIn(entry, ['smtp-id']) ?? '')?.[1]
  return beforeFilter ?? inSmtpId ?? messageId
}

const smtpId = /^<?([^@<>]+)@(?:geopod-)?ismtpd/

/** Of an `sg_message_id` or `smtp-id`; SendGrid's API answers with the email's ID itself, as `X-Message-Id`. */
export const sendgridEmailIdOf = (named: string): string =>
  emailIdIn(smtpId.test(named) ? { 'smtp-id': named } : { sg_message_id: named }) ?? named

/** Reasons for which SendGrid sends nothing to the address any more. */
const droppedForGood = /^(bounced address|invalid|invalid address|spam reporting address)$/i

/** SendGrid has stopped trying, unless the event is `deferred`. A block or an expiry is soft: it sends to the address again. */
function bounceOf(sendgridType: string, entry: Json): Bounce {
  const message = textIn(entry, ['reason', 'response'])
  const code = codeIn(textIn(entry, ['status']), message)
  const facts = { code, message, isOver: sendgridType !== 'deferred' }
  if (sendgridType === 'deferred') return buildBounce({ ...facts, class: 'soft', word: sendgridType })
  if (sendgridType === 'dropped' || sendgridType === 'cancel_drop') {
    const bounceClass = droppedForGood.test(message ?? '') ? 'hard' : 'soft'
    return buildBounce({ ...facts, class: bounceClass, word: sendgridType, subWord: message })
  }
  if (sendgridType !== 'bounce') return null
  const type = textIn(entry, ['type']) || sendgridType
  const isSoft = type === 'blocked' || type === 'expired'
  return buildBounce({
    ...facts,
    class: isSoft ? 'soft' : classifyBounce({ code }),
    word: type === sendgridType ? type : `${sendgridType} ${type}`,
    subWord: textIn(entry, ['bounce_classification']),
  })
}
