/**
 * SendGrid's Event Webhook: batches of events, signed with ECDSA over P-256. Sources: Twilio's "Event Webhook Reference" for
 * events and fields, SendGrid's own `@sendgrid/eventwebhook` for the signature.
 */
import { verify } from 'node:crypto'
import { classifyBounce } from '../../domain/bounce-policy.ts'
import { type Adapter, createAdapter } from '../adapter.ts'
import { listOfEntries } from '../entries.ts'
import { type BounceReport, codeIn, eventIdOf } from '../event-builder.ts'
import { type Json, tagsIn, textIn } from '../fields.ts'
import { publicKeyIn } from '../signature.ts'
import { sendgridOwnIdsOf } from './custom-arguments.ts'

export const signatureHeader = 'x-twilio-email-event-webhook-signature'
export const timestampHeader = 'x-twilio-email-event-webhook-timestamp'

export const sendgrid: Adapter = createAdapter({
  name: 'sendgrid',

  // The signed timestamp may be old: a repeat is recognized by its event ID.
  verify(rawBody, headers, publicKeys) {
    const [signature, timestamp] = [headers[signatureHeader], headers[timestampHeader]]
    if (typeof signature !== 'string' || typeof timestamp !== 'string') return false
    const signed = Buffer.concat([Buffer.from(timestamp), rawBody])
    const presented = Buffer.from(signature, 'base64')
    return publicKeys.some((publicKey) => verify('sha256', signed, publicKeyIn(publicKey), presented))
  },

  entriesIn: listOfEntries,
  emailIdName: 'sg_message_id',
  wordOf: (entry) => entry['event'],
  types: {
    processed: 'sending',
    deferred: 'bounced',
    bounce: 'bounced',
    dropped: 'bounced',
    cancel_drop: 'bounced',
    open: 'opened',
    click: 'clicked',
    spamreport: 'complained',
    unsubscribe: 'unsubscribed',
    group_unsubscribe: 'unsubscribed',
    group_resubscribe: 'resubscribed',
    // About the account, not about an email.
    account_status_change: null,
  },
  factsOf: (entry) => ({
    id: stableIdOf(entry),
    // A bounce that arrives after the receiver had accepted the email has none (Twilio's reference).
    emailId: emailIdIn(entry),
    times: [entry['timestamp']],
    recipient: textIn(entry, ['email']),
    // `sg_machine_open` marks Apple's Mail Privacy Protection, which no user agent reveals.
    isMachine: entry['sg_machine_open'] === true,
    userAgent: textIn(entry, ['useragent']),
    response: [textIn(entry, ['response'])],
    // Without a group: all emails of the account.
    list: textIn(entry, ['asm_group_id']),
    tags: tagsIn(entry['category']),
    ownIds: sendgridOwnIdsOf(entry),
  }),
  bounceOf,
})

/** Whether a value is a public key as SendGrid shows it: base64 of its DER form. */
export function isSendgridKey(value: string): boolean {
  try {
    return publicKeyIn(value).asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false
  }
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
function bounceOf(entry: Json, sendgridType: string): BounceReport {
  const message = textIn(entry, ['reason', 'response'])
  const code = codeIn(textIn(entry, ['status']), message)
  const facts = { code, message, isOver: sendgridType !== 'deferred' }
  if (sendgridType === 'deferred') return { ...facts, class: 'soft', word: sendgridType }
  if (sendgridType === 'dropped' || sendgridType === 'cancel_drop') {
    const bounceClass = droppedForGood.test(message ?? '') ? 'hard' : 'soft'
    return { ...facts, class: bounceClass, word: sendgridType, subWord: message }
  }
  const type = textIn(entry, ['type']) || sendgridType
  const isSoft = type === 'blocked' || type === 'expired'
  return {
    ...facts,
    class: isSoft ? 'soft' : classifyBounce({ code }),
    word: type === sendgridType ? type : `${sendgridType} ${type}`,
    subWord: textIn(entry, ['bounce_classification']),
  }
}
