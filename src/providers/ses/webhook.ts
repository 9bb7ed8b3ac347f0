/** Amazon SES, whose events arrive through an SNS topic. */
import { isObject, jsonIn } from '../fields.ts'
import { type AdapterDependencies, InvalidEventError, type Provider } from '../provider.ts'
import { publicKeyIn } from '../signature.ts'
import { sesEventsIn, sesName } from './events.ts'
import { SigningKeys } from './signing-keys.ts'
import { confirmSubscription, isSignedBy, snsHostOf, snsMessageIn, snsUrl } from './sns.ts'

export { sesName } from './events.ts'

const rawDelivery = 'the body is not a message of SNS: turn raw message delivery off at the subscription'

/** A configured value: a topic's ARN; for a stand-in for SNS, followed by `=` and the key that it signs with. */
export const splitEntry = (entry: string): { topicArn: string; key: string | null } => {
  const at = entry.indexOf('=')
  return at < 0 ? { topicArn: entry, key: null } : { topicArn: entry.slice(0, at), key: entry.slice(at + 1) }
}

export function createSes(options: Pick<AdapterDependencies, 'fetch' | 'clock'>): Provider {
  const signingKeys = new SigningKeys(options)
  return {
    name: sesName,

    async verify(rawBody, _headers, topics) {
      const message = snsMessageIn(rawBody)
      if (!message) return false
      // The topic is checked first: a message of another topic cannot make this server fetch a certificate.
      for (const { topicArn, key } of topics.map(splitEntry)) {
        if (topicArn !== message.TopicArn) continue
        const signingKey = key === null ? await signingKeys.keyFor(message) : publicKeyIn(key)
        if (signingKey && isSignedBy(message, signingKey)) return true
      }
      return false
    },

    explainRefusal: (rawBody, headers) =>
      headers['x-amz-sns-rawdelivery'] === 'true' || isSesEvent(jsonIn(rawBody.toString()))
        ? { status: 401, detail: `${rawDelivery}, since only SNS's own form is signed` }
        : null,

    async answerHandshake(rawBody) {
      const message = snsMessageIn(rawBody)
      if (message?.Type !== 'SubscriptionConfirmation') return undefined
      const url = snsUrl(message.SubscribeURL ?? '', message.TopicArn)
      if (!url) throw new InvalidEventError("the SubscribeURL must be a URL of SNS in the topic's region")
      await confirmSubscription(options.fetch, url)
      return undefined
    },

    parse(rawBody, receivedAt) {
      const message = snsMessageIn(rawBody)
      if (!message) throw new InvalidEventError(rawDelivery)
      // Handshakes, and what SES sends when a topic is chosen: "Successfully validated SNS topic …".
      if (message.Type !== 'Notification' || message.Message.startsWith('Successfully validated SNS topic')) return []
      return sesEventsIn(message.Message, message.MessageId, receivedAt)
    },
  }
}

const isSesEvent = (body: unknown): boolean => isObject(body) && isObject(body['mail']) && !('Message' in body)

/** Whether a configured value names a topic. */
export function isSesTopic(entry: string): boolean {
  const { topicArn, key } = splitEntry(entry)
  if (snsHostOf(topicArn) === undefined) return false
  try {
    return key === null || publicKeyIn(key).asymmetricKeyType === 'rsa'
  } catch {
    return false
  }
}
