/**
 * ZeptoMail. One notification holds messages, each with events of one kind, each with details. Sources: zoho.com/zeptomail (webhooks help page and
 * webhooks-instant-notification), and what users of its webhooks have published: the payloads of the form's own preview (`event_name` is a list,
 * the complaint is spelled `fbl_compliant`), and that the signature covers the notification alone.
 */
import { type Adapter, createAdapter } from '../adapter.ts'
import { messageIdIn, messageIdKey, ownIdsOf } from '../custom-fields.ts'
import type { Entries } from '../entries.ts'
import { type BounceReport, eventIdOf } from '../event-builder.ts'
import { decodeUtf8, isObject, type Json, parseEnvelope, partOf, tagsIn, textIn } from '../fields.ts'
import { credentialProof, type Proof, stampedHmacProof } from '../proof.ts'
import { InvalidEventError } from '../provider.ts'

const signature = stampedHmacProof({
  header: 'producer-signature',
  encoding: 'base64',
  requirement: 'the authentication key',
  ...{ field: 's', timestamp: { field: 'ts' }, separator: ';', unitMs: 1, more: { 's-algorithm': 'HmacSHA256' } },
  // The time in the header is not signed, so that it proves nothing.
  content: '{body}',
  toleranceMs: null,
})

/** The form of a webhook has a key, which signs, or headers of the customer's choice: so the secret may come as a credential, too. */
export const zeptomailProof: Proof = {
  ...signature,
  accepts: credentialProof.accepts,
  requirement: `the authentication key, or ${credentialProof.requirement}`,
  verify(rawBody, headers, secrets) {
    const isSigned = signature.verify(notificationIn(rawBody), headers, secrets)
    return credentialProof.verify(rawBody, headers, secrets) === true || isSigned
  },
}

/** The notification: the body, or the value of the first field of a form. */
function notificationIn(rawBody: Buffer): Buffer {
  if (/^\s*[{[]/.test(rawBody.toString('latin1', 0, 100))) return rawBody
  const [value] = new URLSearchParams(rawBody.toString()).values()
  return Buffer.from(value ?? '')
}

const listIn = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value])

/** One entry for each detail; one for an event without details. */
const detailsOf: Entries = (rawBody) => {
  const body = parseEnvelope(decodeUtf8(notificationIn(rawBody)))
  const messages = listIn(body['event_message'])
  if (messages.length === 0) throw new InvalidEventError('the body has no event_message')
  const [event_name] = listIn(body['event_name'])
  return { entries: messages.flatMap((message) => (isObject(message) ? entriesOf(message, event_name) : [message])) }
}

function entriesOf({ email_info, request_id, event_data }: Json, event_name: unknown): Json[] {
  const details = listIn(event_data).flatMap((data) => (isObject(data) ? listIn(data['details']) : []))
  return (details.length === 0 ? [{}] : details).map((detail) => ({ event_name, request_id, email_info, detail }))
}

export const zeptomail: Adapter = createAdapter({
  name: 'zeptomail',
  verify: zeptomailProof.verify,
  entriesIn: detailsOf,
  emailIdName: 'request_id',
  wordOf: (entry) => entry['event_name'],
  types: {
    softbounce: 'bounced',
    hardbounce: 'bounced',
    email_open: 'opened',
    email_link_click: 'clicked',
    fbl_compliant: 'complained',
    fbl_complaint: 'complained',
  },
  factsOf(entry, word) {
    const [info, detail] = [partOf(entry, 'email_info'), partOf(entry, 'detail')]
    const recipient =
      textIn(detail, ['bounced_recipient', 'recipient']) ?? textIn({ to: listIn(detail['to'])[0] }, ['to'])
    return {
      id: eventIdOf(word, entry['request_id'], recipient, detail['time']),
      emailId: entry['request_id'],
      times: [detail['time'], info['processed_time']],
      recipient,
      to: ['to', 'cc', 'bcc'].flatMap((field) => listIn(info[field])).map(mailboxIn),
      subject: info['subject'],
      userAgent: textIn(detail, ['user_agent']),
      tags: tagsIn(info['tag']),
      ownIds: ownIdsIn(info),
    }
  },
  bounceOf,
})

const mailboxIn = (entry: unknown): unknown => (isObject(entry) ? (entry['email_address'] ?? entry) : entry)

/** `client_reference` is the sender's own reference; `email_reference` is the Message-ID that ZeptoMail sets. */
function ownIdsIn(info: Json) {
  const { externalId } = ownIdsOf({ external_id: info['client_reference'] })
  const messageId = messageIdIn(textIn(info, ['email_reference']))
  return { externalId, metadata: messageId === null ? null : { [messageIdKey]: messageId } }
}

/** Whether ZeptoMail tries again after a soft bounce is not published: an email without another event counts as failed. */
function bounceOf(entry: Json, word: string): BounceReport {
  const detail = partOf(entry, 'detail')
  return {
    class: word === 'hardbounce' ? 'hard' : 'soft',
    message: textIn(detail, ['diagnostic_message']),
    word,
    subWord: textIn(detail, ['reason']),
    isOver: true,
  }
}
