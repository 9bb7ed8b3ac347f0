/**
 * The events of Amazon SES. Sources: "Contents of event data that Amazon SES publishes to Amazon SNS" for event publishing
 * (`eventType`), "Notification contents" for feedback notifications (`notificationType`).
 */
import { normalizeAddress } from '../../domain/address.ts'
import { classifyBounce } from '../../domain/bounce-policy.ts'
import type { ReceivedEvent } from '../../domain/events.ts'
import { messageIdIn, messageIdKey, taggedOwnIds } from '../custom-fields.ts'
import {
  type Bounce,
  buildBounce,
  buildEvent,
  type EventFacts,
  eventIdOf,
  isHumanEngagement,
  responseOf,
} from '../event-builder.ts'
import {
  identifier,
  idForm,
  isObject,
  type Json,
  parseEnvelope,
  partOf,
  required,
  subjectOf,
  textIn,
  timeIn,
} from '../fields.ts'
import { InvalidEventError } from '../provider.ts'
import { subscriptionsIn } from './subscription.ts'

export const sesName = 'ses'

/** What the events of one message have in common. */
type CommonFacts = EventFacts & { readonly to: readonly string[] }

/** Our types by Amazon's, in lower case without spaces. A type without an entry is stored under its own name. */
const types = new Map([
  ['send', 'sent'],
  ['delivery', 'delivered'],
  ['open', 'opened'],
  ['click', 'clicked'],
  ['bounce', 'bounced'],
  ['complaint', 'complained'],
  ['deliverydelay', 'bounced'],
  ['reject', 'bounced'],
  ['renderingfailure', 'bounced'],
])

/** The field with the details, where it is not named after the event type. */
const detailFields = new Map([
  ['deliverydelay', 'deliveryDelay'],
  ['renderingfailure', 'failure'],
])

/**
 * The events in a message; none in SES's greeting to a topic. @throws InvalidEventError
 * @param messageId of SNS: the ID of an event that has no ID of its own.
 */
export const sesEventsIn = (payload: string, messageId: string, receivedAt: number): ReceivedEvent[] =>
  sesEventsOf(parseEnvelope(payload), { id: messageId, receivedAt, payload })

/** The events in an event as SES publishes it. @throws InvalidEventError */
export function sesEventsOf(
  event: Json,
  { id, receivedAt, payload }: Pick<ReceivedEvent, 'id' | 'receivedAt' | 'payload'>,
): ReceivedEvent[] {
  const named = required('eventType', identifier, [event['eventType'], event['notificationType']])
  const sesType = named.toLowerCase().replaceAll(' ', '')
  if (sesType === 'amazonsnssubscriptionsucceeded') return []
  if (sesType === 'received')
    throw new InvalidEventError('this is an inbound email: use a topic for outbound emails only')
  const mail = partOf(event, 'mail')
  const details = partOf(event, detailFields.get(sesType) ?? sesType)
  return eventsOf(sesType, details, {
    provider: sesName,
    id,
    emailId: required('mail.messageId', idForm, [mail['messageId']]),
    type: types.get(sesType) ?? sesType,
    occurredAt: timeIn([details['timestamp'], mail['timestamp']]) ?? receivedAt,
    receivedAt,
    to: addressesIn(mail['destination']),
    subject: subjectOf(partOf(mail, 'commonHeaders')),
    ...ownIdsAndTagsOf(mail),
    payload,
  })
}

/** SES's own tags begin with `ses:`. The Message-ID of an email that came over SMTP is among its headers, which SES replaces by its own. */
function ownIdsAndTagsOf(mail: Json) {
  const { tags, externalId, metadata } = taggedOwnIds(
    Object.entries(partOf(mail, 'tags')).filter(([tag]) => !tag.startsWith('ses:')),
  )
  const messageId = messageIdIn(textIn(partOf(mail, 'commonHeaders'), ['messageId']))
  const isAlias = messageId !== null && !/\.amazonses\.com$/i.test(messageId)
  return { tags, externalId, metadata: isAlias ? { ...metadata, [messageIdKey]: messageId } : metadata }
}

function eventsOf(sesType: string, details: Json, common: CommonFacts): ReceivedEvent[] {
  switch (sesType) {
    case 'bounce':
      return bouncesOf(details, common)
    case 'deliverydelay':
      return delaysOf(details, common)
    case 'complaint':
      return [complaintOf(details, common)]
    case 'delivery':
      return deliveriesOf(details, common)
    case 'subscription':
      return subscriptionsIn(details, common).map((event) => ({ ...event, recipient: onlyOneOf(common.to) }))
    case 'reject':
    case 'renderingfailure':
      return [buildEvent({ ...common, recipient: onlyOneOf(common.to), bounce: refusalOf(sesType, details) })]
    default: {
      const human = isHumanEngagement(common.type, textIn(details, ['userAgent']))
      return [buildEvent({ ...common, recipient: onlyOneOf(common.to), human })]
    }
  }
}

/** SES did not send the email: it found malware, or could not render the template. */
const refusalOf = (sesType: string, details: Json): Bounce =>
  buildBounce({ class: 'soft', message: textIn(details, ['reason', 'errorMessage']), word: sesType, isOver: true })

/** An event for each recipient in a list; the ID of a message about one recipient stays as it is. */
const eachOf = (list: unknown, id: string, eventOf: (facts: Json, id: string) => ReceivedEvent): ReceivedEvent[] => {
  const recipients = objectsIn(list)
  return (recipients.length > 0 ? recipients : [{}]).map((facts: Json) =>
    eventOf(facts, recipients.length > 1 ? eventIdOf(id, addressIn(facts)) : id),
  )
}

/**
 * `feedbackId` identifies the bounce, whether it arrives by event publishing or as a feedback notification. A bounce may list
 * recipients to whom delivery is only delayed: the action and status of each decide (RFC 3464 §2.3.3), then the type of the bounce.
 */
function bouncesOf(bounce: Json, common: CommonFacts): ReceivedEvent[] {
  const type = textIn(bounce, ['bounceType']) ?? 'Undetermined'
  return eachOf(bounce['bouncedRecipients'], textIn(bounce, ['feedbackId']) ?? common.id, (facts, id) => {
    const status = textIn(facts, ['status'])
    const isTemporary = isDelayed(facts) || status?.startsWith('4')
    const judged = buildBounce({
      class: isTemporary ? 'soft' : classifyBounce({ type, code: status }),
      code: status,
      message: textIn(facts, ['diagnosticCode']),
      word: type,
      subWord: textIn(bounce, ['bounceSubType']),
      host: receivingHostIn(bounce),
      isOver: !isDelayed(facts),
    })
    return buildEvent({ ...common, id, recipient: addressIn(facts) ?? onlyOneOf(common.to), bounce: judged })
  })
}

const isDelayed = (recipient: Json): boolean => textIn(recipient, ['action'])?.toLowerCase() === 'delayed'

/** The host in `dns; mx.example.com`, unless it is Amazon's own, which sent the email. */
function receivingHostIn(bounce: Json): string | null {
  const host = textIn(bounce, ['reportingMTA'])?.replace(/^\w+;\s*/, '') ?? ''
  return host === '' || /\.amazonses\.com$/i.test(host) ? null : host
}

/** SES still tries. */
const delaysOf = (delay: Json, common: CommonFacts): ReceivedEvent[] =>
  eachOf(delay['delayedRecipients'], common.id, (facts, id) => {
    const bounce = buildBounce({
      class: 'soft',
      code: textIn(facts, ['status']),
      message: textIn(facts, ['diagnosticCode']) || textIn(delay, ['delayType']),
      word: 'DeliveryDelay',
      subWord: textIn(delay, ['delayType']),
      isOver: false,
    })
    return buildEvent({ ...common, id, recipient: addressIn(facts) ?? onlyOneOf(common.to), bounce })
  })

function deliveriesOf(delivery: Json, common: CommonFacts): ReceivedEvent[] {
  const response = responseOf(textIn(delivery, ['smtpResponse']))
  const list = addressesIn(delivery['recipients']).map((emailAddress) => ({ emailAddress }))
  return eachOf(list, common.id, (facts, id) =>
    buildEvent({ ...common, id, recipient: addressIn(facts) ?? onlyOneOf(common.to), response }),
  )
}

/** Reports that are no complaint of a person: `not-spam` withdraws one, the others are about authentication and viruses (RFC 5965, RFC 6591). */
const otherReports: ReadonlySet<string> = new Set(['not-spam', 'auth-failure', 'virus'])

/**
 * A complaint that lists several recipients names none: the receiver did not report who complained. An email that SES did not
 * send because of an earlier complaint is a bounce.
 */
function complaintOf(complaint: Json, common: CommonFacts): ReceivedEvent {
  const recipients = addressesIn(objectsIn(complaint['complainedRecipients']).map(({ emailAddress }) => emailAddress))
  const parts = { ...common, id: textIn(complaint, ['feedbackId']) ?? common.id, recipient: onlyOneOf(recipients) }
  const report = textIn(complaint, ['complaintFeedbackType']) ?? ''
  if (otherReports.has(report)) return buildEvent({ ...parts, type: report })
  const subType = textIn(complaint, ['complaintSubType'])
  if (subType !== 'OnAccountSuppressionList') return buildEvent(parts)
  const bounce = buildBounce({ class: 'hard', message: subType, word: 'Complaint', subWord: subType, isOver: true })
  return buildEvent({ ...parts, type: 'bounced', bounce })
}

const objectsIn = (list: unknown): Json[] => (Array.isArray(list) ? list.filter(isObject) : [])

const addressIn = (facts: Json): string | null => normalizeAddress(textIn(facts, ['emailAddress']) ?? '')

const addressesIn = (list: unknown): string[] =>
  (Array.isArray(list) ? list : [])
    .map((entry) => (typeof entry === 'string' ? normalizeAddress(entry) : null))
    .filter((address) => address !== null)

/** The address in a list of one. */
const onlyOneOf = (list: readonly string[]): string | null => (list.length === 1 ? (list[0] ?? null) : null)
