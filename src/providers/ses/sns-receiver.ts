/** Proves and confirms what comes from Amazon SNS, or from a service that speaks as it does. */
import type { KeyObject } from 'node:crypto'
import { type AdapterDependencies, InvalidEventError, type Provider } from '../provider.ts'
import { publicKeyIn } from '../signature.ts'
import { confirmSubscription, isSignedBy, type SnsMessage, snsMessageIn } from './sns.ts'

interface SnsService {
  /** Whose it is, for messages: `Amazon`. */
  readonly owner: string
  /** The key of a message's `SigningCertURL`; null if that is not the service's. @throws VerificationUnavailableError */
  readonly keyFor: (message: SnsMessage) => Promise<KeyObject | null>
  /** Where a subscription is confirmed; null unless the URL is the service's. */
  readonly confirmationUrl: (message: SnsMessage) => URL | null
  readonly fetch: AdapterDependencies['fetch']
}

/** A configured value: a topic's ARN; for a stand-in for the service, followed by `=` and the key that it signs with. */
export const splitEntry = (entry: string): { topicArn: string; key: string | null } => {
  const at = entry.indexOf('=')
  return at < 0 ? { topicArn: entry, key: null } : { topicArn: entry.slice(0, at), key: entry.slice(at + 1) }
}

/** Whether a configured value names a topic. */
export function isTopicEntry(entry: string, isArn: (topicArn: string) => boolean): boolean {
  const { topicArn, key } = splitEntry(entry)
  if (!isArn(topicArn)) return false
  try {
    return key === null || publicKeyIn(key).asymmetricKeyType === 'rsa'
  } catch {
    return false
  }
}

export const createSnsReceiver = ({
  owner,
  keyFor,
  confirmationUrl,
  fetch,
}: SnsService): Required<Pick<Provider, 'verify' | 'answerHandshake'>> => ({
  async verify(rawBody, _headers, topics) {
    const message = snsMessageIn(rawBody)
    if (!message) return false
    // The topic is checked first: a message of another topic cannot make this server fetch a certificate.
    for (const { topicArn, key } of topics.map(splitEntry)) {
      if (topicArn !== message.TopicArn) continue
      const signingKey = key === null ? await keyFor(message) : publicKeyIn(key)
      if (signingKey && isSignedBy(message, signingKey)) return true
    }
    return false
  },

  async answerHandshake(rawBody) {
    const message = snsMessageIn(rawBody)
    if (message?.Type !== 'SubscriptionConfirmation') return undefined
    const url = confirmationUrl(message)
    if (!url) throw new InvalidEventError("the SubscribeURL must be a URL of SNS in the topic's region")
    await confirmSubscription(fetch, url, owner)
    return undefined
  },
})
