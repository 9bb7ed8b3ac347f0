/**
 * Amazon SES: "Contents of event data that Amazon SES publishes to Amazon SNS". A bounce names its recipient; a complaint lists
 * all recipients who may have complained.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { eventIdOf } from '../event-builder.ts'
import {
  type DatedSampleEvent,
  eventFormat,
  type GeneratedSecret,
  type SampleEmail,
  type SampleEvent,
  type Sign,
  type SignedRequest,
  withOneRecipient,
} from '../sample.ts'
import { customTagsOf } from '../sample-fields.ts'
import { digests, type SnsMessage, signedTextOf, snsHostOf } from './sns.ts'
import { splitEntry } from './sns-receiver.ts'

const sesTypes: Readonly<Record<string, string>> = {
  sent: 'Send',
  delivered: 'Delivery',
  opened: 'Open',
  clicked: 'Click',
  bounced: 'Bounce',
  complained: 'Complaint',
}

/** Each tag has a list of values. */
const tagsOf = (email: SampleEmail) => ({
  'ses:configuration-set': ['aftersend'],
  ...Object.fromEntries(email.tags.map((tag) => [tag, ['true']])),
  ...Object.fromEntries(Object.entries(customTagsOf(email)).map(([name, value]) => [name, [value]])),
})

/** SES reports that it tries again as a delay. */
const isDelay = ({ bounce }: SampleEvent): boolean => bounce?.isOver === false

const eventOf = (event: DatedSampleEvent, email: SampleEmail) => ({
  eventType: isDelay(event) ? 'DeliveryDelay' : sesTypes[event.type],
  mail: {
    timestamp: event.at.toISOString(),
    source: 'hello@example.com',
    messageId: email.id,
    destination: email.to,
    commonHeaders: { from: ['hello@example.com'], to: email.to, subject: email.subject, messageId: email.id },
    tags: tagsOf(email),
  },
  [isDelay(event) ? 'deliveryDelay' : (sesTypes[event.type] ?? '').toLowerCase()]: detailsOf(event, email),
})

/** Deliveries and bounces name their recipient, complaints may; of several recipients, no other event names one. */
export const sesFormat = eventFormat(eventOf, {
  adapt: (event, email) => {
    if (event.type === 'delivered' || event.type === 'bounced') return withOneRecipient(event, email)
    return [event.type === 'complained' || email.to.length === 1 ? event : { ...event, recipient: null }]
  },
})

function detailsOf(event: DatedSampleEvent, email: SampleEmail) {
  const timestamp = event.at.toISOString()
  switch (event.type) {
    case 'sent':
      return {}
    case 'delivered':
      return { timestamp, recipients: recipientsOf(event, email), smtpResponse: '250 OK', processingTimeMillis: 500 }
    case 'bounced':
      return isDelay(event)
        ? { timestamp, ...delayFacts(event) }
        : { timestamp, feedbackId: event.id, ...bounceFacts(event) }
    case 'complained': {
      const complained = recipientsOf(event, email).map((emailAddress) => ({ emailAddress }))
      return { timestamp, feedbackId: event.id, complainedRecipients: complained, complaintFeedbackType: 'abuse' }
    }
    default:
      return engagementFacts(event, timestamp)
  }
}

const recipientsOf = (event: SampleEvent, email: SampleEmail): readonly string[] =>
  event.recipient === null ? email.to : [event.recipient]

const bounceFacts = ({ bounce, recipient }: SampleEvent) => ({
  bounceType: bounce?.class === 'hard' ? 'Permanent' : 'Transient',
  bounceSubType: 'General',
  bouncedRecipients: [
    { emailAddress: recipient, action: 'failed', status: bounce?.code, diagnosticCode: bounce?.message },
  ],
})

const delayFacts = ({ bounce, recipient }: SampleEvent) => ({
  delayType: 'General',
  delayedRecipients: [{ emailAddress: recipient, status: bounce?.code, diagnosticCode: bounce?.message }],
})

const engagementFacts = ({ engagement }: SampleEvent, timestamp: string) => ({
  ipAddress: '192.0.2.17',
  timestamp,
  userAgent: engagement?.userAgent,
  ...(engagement?.url && { link: engagement.url }),
})

const certificateUrlOf = (topicArn: string): string =>
  `https://${snsHostOf(topicArn)}/SimpleNotificationService-local.pem`

/** `body` is SES's event, which SNS wraps; `secret` is the topic's ARN, `=` and a private key (base64 of its DER form). */
export const signSes: Sign = (body, secret, signedAt) => signSns(body, secret, signedAt, certificateUrlOf)

/** A message of SNS, or of a service that speaks as it does. */
export function signSns(
  body: string,
  secret: string,
  signedAt: number,
  certificateUrl: (topicArn: string) => string,
): SignedRequest {
  const { topicArn, key } = splitEntry(secret)
  const unsigned: SnsMessage = {
    Type: 'Notification',
    MessageId: eventIdOf(body),
    TopicArn: topicArn,
    Message: body,
    Timestamp: new Date(signedAt).toISOString(),
    SignatureVersion: '2',
    Signature: '',
    SigningCertURL: certificateUrl(topicArn),
  }
  const privateKey = `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`
  const signature = sign(digests['2'], Buffer.from(signedTextOf(unsigned)), privateKey)
  return {
    headers: { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-message-type': 'Notification' },
    body: JSON.stringify({ ...unsigned, Signature: signature.toString('base64') }),
  }
}

export const generateSesTopic = (): GeneratedSecret => generateSnsTopic('arn:aws:sns:us-east-1:000000000000:aftersend')

/** A topic that does not exist, with a key pair. */
export function generateSnsTopic(topicArn: string): GeneratedSecret {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  })
  return {
    accepted: `${topicArn}=${publicKey.toString('base64')}`,
    signing: `${topicArn}=${privateKey.toString('base64')}`,
  }
}
