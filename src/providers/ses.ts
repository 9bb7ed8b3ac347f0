/**
 * Amazon SES, whose events come through an SNS topic. Sources: "Contents of event data that Amazon SES publishes to Amazon
 * SNS" for event publishing (`eventType`), "Notification contents" for feedback notifications (`notificationType`).
 */
import { generateKeyPairSync } from 'node:crypto'
import { normalizeAddress } from '../domain/address.ts'
import { classifyBounce } from '../domain/bounce-policy.ts'
import { isLikelyHuman } from '../domain/engagement-policy.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import {
  first,
  identifier,
  idForm,
  instant,
  isObject,
  type Json,
  parseEnvelope,
  partOf,
  required,
  subjectOf,
  textIn,
} from './fields.ts'
import { InvalidEventError, type Provider, type Sign } from './provider.ts'
import {
  confirmSubscription,
  isSignedBy,
  isTopicArn,
  publicKeyIn,
  SigningKeys,
  type SigningKeysOptions,
  signNotification,
  snsMessageIn,
  snsUrl,
} from './sns.ts'
import { deferral, eventIdOf, smtpCodeIn, toldBounce, toldEvent } from './told-event.ts'

const name = 'ses'

/** A setting: a topic's ARN, and where something else than SNS posts for it, `=` and the key that this signs with. */
const splitEntry = (entry: string): { topicArn: string; key: string | null } => {
  const at = entry.indexOf('=')
  return at < 0 ? { topicArn: entry, key: null } : { topicArn: entry.slice(0, at), key: entry.slice(at + 1) }
}

export function createSes(options: SigningKeysOptions): Provider {
  const signingKeys = new SigningKeys(options)
  return {
    name,

    async verify(rawBody, _headers, topics) {
      const message = snsMessageIn(rawBody)
      if (!message) return false
      // Before anything is fetched: only topics that are ours may make us fetch.
      for (const { topicArn, key } of topics.map(splitEntry)) {
        if (topicArn !== message.TopicArn) continue
        const signingKey = key === null ? await signingKeys.keyFor(message) : publicKeyIn(key)
        if (signingKey && isSignedBy(message, signingKey)) return true
      }
      return false
    },

    async answerHandshake(rawBody) {
      const message = snsMessageIn(rawBody)
      if (message?.Type !== 'SubscriptionConfirmation') return
      const url = snsUrl(message.SubscribeURL ?? '', message.TopicArn)
      if (!url) throw new InvalidEventError("the SubscribeURL is none of SNS in the topic's region")
      await confirmSubscription(options.fetch, url)
    },

    parse(rawBody, receivedAt) {
      const message = snsMessageIn(rawBody)
      if (!message) throw new InvalidEventError('the body is no message of SNS: leave raw message delivery off')
      // Handshakes, and what SES posts when a topic is chosen: "Successfully validated SNS topic …".
      if (message.Type !== 'Notification' || message.Message.startsWith('Successfully validated SNS topic')) return []
      return eventsOf(message.Message, message.MessageId, receivedAt)
    },
  }
}

/** Whether a setting names a topic. */
export function isSesTopic(entry: string): boolean {
  const { topicArn, key } = splitEntry(entry)
  try {
    return isTopicArn(topicArn) && (key === null || publicKeyIn(key).asymmetricKeyType === 'rsa')
  } catch {
    return false
  }
}

/** The request that SNS would send: `body` is SES's event, `secret` the topic's ARN, `=` and a private key (DER, base64). */
export const signSes: Sign = (body, secret, signedAt) => {
  const { topicArn, key } = splitEntry(secret)
  const privateKey = `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`
  const [messageId, at] = [eventIdOf(body), new Date(signedAt).toISOString()]
  return signNotification({ topicArn, messageId, message: body, at }, privateKey)
}

/** A topic that nobody has at Amazon, with a key of its own. */
export function generateSesTopic(): { accepted: string; signing: string } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  })
  const topicArn = 'arn:aws:sns:us-east-1:000000000000:aftersend'
  return {
    accepted: `${topicArn}=${publicKey.toString('base64')}`,
    signing: `${topicArn}=${privateKey.toString('base64')}`,
  }
}

/** Theirs, in lower case without spaces, to ours. A word that does not stand here is stored as it is. */
const ourTypes: Readonly<Record<string, string>> = {
  send: 'sent',
  delivery: 'delivered',
  open: 'opened',
  click: 'clicked',
  bounce: 'bounced',
  complaint: 'complained',
  deliverydelay: 'bounced',
  reject: 'bounced',
  renderingfailure: 'bounced',
}

/** Where the details stand that are not in a part named as the event is. */
const partNames: Readonly<Record<string, string>> = { deliverydelay: 'deliveryDelay', renderingfailure: 'failure' }

function eventsOf(payload: string, messageId: string, receivedAt: number): ReceivedEvent[] {
  const event = parseEnvelope(payload)
  const told = required('eventType', identifier, [event['eventType'], event['notificationType']])
  const word = told.toLowerCase().replaceAll(' ', '')
  if (word === 'received') throw new InvalidEventError('this is an inbound email: choose only topics for what was sent')
  const mail = partOf(event, 'mail')
  const details = partOf(event, partNames[word] ?? word)
  const common = {
    provider: name,
    id: messageId,
    emailId: required('mail.messageId', idForm, [mail['messageId']]),
    type: Object.hasOwn(ourTypes, word) ? (ourTypes[word] ?? word) : word,
    occurredAt: first('timestamp', instant, [details['timestamp'], mail['timestamp']]) ?? receivedAt,
    receivedAt,
    to: addressesIn(mail['destination']),
    subject: subjectOf(partOf(mail, 'commonHeaders')),
    payload,
  }
  if (word === 'bounce') return bouncesOf(details, common)
  if (word === 'complaint') return [complaintOf(details, common)]
  if (word === 'deliverydelay' || word === 'reject' || word === 'renderingfailure') {
    const message = textIn(details, ['delayType', 'reason', 'errorMessage'])
    return [toldEvent({ ...common, bounce: deferral(null, message) })]
  }
  const isEngagement = word === 'open' || word === 'click'
  const human = isEngagement && isLikelyHuman(textIn(details, ['userAgent']))
  return [toldEvent({ ...common, recipient: onlyOneOf(addressesIn(details['recipients']), common.to), human })]
}

type Common = Parameters<typeof toldEvent>[0] & { readonly to: readonly string[] }

/**
 * One event for each recipient that bounced. `feedbackId` is the bounce's own ID: the same bounce is known again when it
 * comes by event publishing and as a feedback notification.
 */
function bouncesOf(bounce: Json, common: Common): ReceivedEvent[] {
  const recipients = Array.isArray(bounce['bouncedRecipients']) ? bounce['bouncedRecipients'].filter(isObject) : []
  const feedbackId = textIn(bounce, ['feedbackId']) ?? common.id
  return (recipients.length > 0 ? recipients : [{}]).map((told: Json) => {
    const recipient = normalizeAddress(textIn(told, ['emailAddress']) ?? '')
    const message = textIn(told, ['diagnosticCode'])
    const code = smtpCodeIn(textIn(told, ['status'])) ?? smtpCodeIn(message)
    // Permanent, Transient or Undetermined.
    const bounceClass = classifyBounce({ type: textIn(bounce, ['bounceType']), code })
    const id = recipients.length > 1 ? eventIdOf(feedbackId, recipient) : feedbackId
    return toldEvent({ ...common, id, recipient, bounce: toldBounce(bounceClass, code, message) })
  })
}

/**
 * Amazon knows who complained only as well as the receiver says: of several, nobody is named. What SES did not send because
 * of an earlier complaint is a bounce; `not-spam` takes an earlier judgement back.
 */
function complaintOf(complaint: Json, common: Common): ReceivedEvent {
  const told = Array.isArray(complaint['complainedRecipients'])
    ? complaint['complainedRecipients'].filter(isObject)
    : []
  const recipients = addressesIn(told.map(({ emailAddress }) => emailAddress))
  const parts = { ...common, id: textIn(complaint, ['feedbackId']) ?? common.id, recipient: onlyOneOf(recipients, []) }
  if (textIn(complaint, ['complaintFeedbackType']) === 'not-spam') return toldEvent({ ...parts, type: 'not-spam' })
  const subType = textIn(complaint, ['complaintSubType'])
  if (subType !== 'OnAccountSuppressionList') return toldEvent(parts)
  return toldEvent({ ...parts, type: 'bounced', bounce: toldBounce('hard', null, subType) })
}

const addressesIn = (told: unknown): string[] =>
  (Array.isArray(told) ? told : [])
    .map((entry) => (typeof entry === 'string' ? normalizeAddress(entry) : null))
    .filter((address) => address !== null)

/** The first list that names anybody, if it names one alone. */
function onlyOneOf(...lists: readonly (readonly string[])[]): string | null {
  const [address, another] = lists.find((list) => list.length > 0) ?? []
  return another === undefined ? (address ?? null) : null
}
