/**
 * Postmark. Webhooks are not signed: they carry HTTP basic authentication or a header with a token, as configured at Postmark.
 * Sources: postmarkapp.com/developer/webhooks for events, the bounce API's table of types for which bounces are hard.
 */
import { normalizeAddress } from '../../domain/address.ts'
import { type Adapter, createAdapter } from '../adapter.ts'
import { ownIdsOf } from '../custom-fields.ts'
import { oneEntry } from '../entries.ts'
import { type BounceReport, eventIdOf } from '../event-builder.ts'
import { idForm, type Json, required, tagsIn, textIn } from '../fields.ts'
import { credentialProof } from '../proof.ts'
import { InvalidEventError } from '../provider.ts'

export const postmark: Adapter = createAdapter({
  name: 'postmark',
  verify: credentialProof.verify,
  entriesIn: oneEntry,
  emailIdName: 'MessageID',
  wordOf: (record) => record['RecordType'],
  types: {
    Delivery: 'delivered',
    Bounce: typeOfBounce,
    SpamComplaint: 'complained',
    Open: 'opened',
    Click: 'clicked',
    SubscriptionChange: typeOfChange,
    Inbound() {
      throw new InvalidEventError('this is an inbound email: point only webhooks for outbound emails to this URL')
    },
  },
  // A change of a suppression by hand, or a request of Postmark's "Send test".
  isAboutNoEmail: ({ MessageID: id }) =>
    id === undefined || id === null || (typeof id !== 'object' && /^[0-]*$/.test(`${id}`)),
  factsOf(record, recordType) {
    const recipient = textIn(record, ['Recipient', 'Email'])
    return {
      id: idOf(recordType, record, recipient),
      emailId: record['MessageID'],
      times: ['DeliveredAt', 'BouncedAt', 'ReceivedAt', 'ChangedAt'].map((field) => record[field]),
      recipient,
      subject: record['Subject'],
      userAgent: textIn(record, ['UserAgent']),
      response: [textIn(record, ['Details'])],
      list: textIn(record, ['MessageStream']),
      tags: tagsIn(record['Tag']),
      ownIds: ownIdsOf(record['Metadata']),
    }
  },
  bounceOf,
})

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
    ? eventIdOf(recordType, record['MessageID'], normalizeAddress(recipient ?? '') ?? record['Recipient'])
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
function typeOfBounce(record: Json): string {
  return bounceTypes.get(textIn(record, ['Type']) ?? '') ?? 'bounced'
}

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
function bounceOf(record: Json): BounceReport {
  const type = textIn(record, ['Type']) ?? 'Unknown'
  return {
    class: hardTypes.has(type) || record['Inactive'] === true ? 'hard' : 'soft',
    message: textIn(record, ['Details']) || textIn(record, ['Description']),
    word: 'Bounce',
    subWord: type,
    isOver: !delayTypes.has(type),
  }
}
