/** Amazon SES, whose events arrive through an SNS topic. */
import { isObject, jsonIn } from '../fields.ts'
import { type AdapterDependencies, InvalidEventError, type Provider } from '../provider.ts'
import { sesEventsIn, sesName } from './events.ts'
import { SigningKeys } from './signing-keys.ts'
import { type SnsMessage, snsHostOf, snsMessageIn, snsUrl } from './sns.ts'
import { createSnsReceiver, isTopicEntry } from './sns-receiver.ts'

export { sesName } from './events.ts'

const rawDelivery = 'the body is not a message of SNS: turn raw message delivery off at the subscription'

/** The path of certificates. A sender cannot make this server fetch anything else. */
const certificatePath = /^\/SimpleNotificationService-\w{1,64}\.pem$/

function certificateUrl({ SigningCertURL, TopicArn }: SnsMessage): URL | null {
  const url = snsUrl(SigningCertURL, TopicArn)
  return url && certificatePath.test(url.pathname) && url.search === '' ? url : null
}

export function createSes(options: Pick<AdapterDependencies, 'fetch' | 'clock'>): Provider {
  const owner = 'Amazon'
  const signingKeys = new SigningKeys({ ...options, owner, certificateUrl })
  return {
    name: sesName,

    ...createSnsReceiver({
      owner,
      keyFor: (message) => signingKeys.keyFor(message),
      confirmationUrl: ({ SubscribeURL, TopicArn }) => snsUrl(SubscribeURL ?? '', TopicArn),
      fetch: options.fetch,
    }),

    explainRefusal: (rawBody, headers) =>
      headers['x-amz-sns-rawdelivery'] === 'true' || isSesEvent(jsonIn(rawBody.toString()))
        ? { status: 401, detail: `${rawDelivery}, since only SNS's own form is signed` }
        : null,

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
export const isSesTopic = (entry: string): boolean =>
  isTopicEntry(entry, (topicArn) => snsHostOf(topicArn) !== undefined)
