/**
 * Scaleway Transactional Email, whose events arrive through Topics and Events, which speaks as Amazon SNS does. Sources: scaleway/docs-content,
 * "Understanding Webhook event payloads" for events and fields, "Verifying webhook signatures" for the trust chain, "Supported actions" for the
 * version of signatures; symfony/symfony's Scaleway bridge for the URLs of certificates.
 */
import { classifyBounce } from '../../domain/bounce-policy.ts'
import { type Adapter, type AdapterDescription, createAdapter } from '../adapter.ts'
import { messageIdIn, messageIdKey, ownIdsOf } from '../custom-fields.ts'
import type { Entries } from '../entries.ts'
import { type BounceReport, codeIn } from '../event-builder.ts'
import { idForm, isObject, type Json, jsonIn, parseEnvelope, required, tagsIn, textIn } from '../fields.ts'
import { type AdapterDependencies, InvalidEventError } from '../provider.ts'
import { SigningKeys } from '../ses/signing-keys.ts'
import { snsMessageIn } from '../ses/sns.ts'
import { createSnsReceiver, isTopicEntry } from '../ses/sns-receiver.ts'
import { certificateUrl, confirmationUrl, regionOf } from './topic.ts'
import { isIssuedByScaleway, scalewayTrustChain } from './trust-chain.ts'

export function createScaleway(
  { fetch, clock }: Pick<AdapterDependencies, 'fetch' | 'clock'>,
  chain = scalewayTrustChain,
): Adapter {
  const owner = 'Scaleway'
  const signingKeys = new SigningKeys({
    ...{ fetch, clock, owner, certificateUrl },
    isIssued: (certificate, { TopicArn }) =>
      isIssuedByScaleway(certificate, regionOf(TopicArn) ?? '', chain, { fetch, clock }),
  })
  return createAdapter({
    ...scalewayForm,
    ...createSnsReceiver({ owner, keyFor: (message) => signingKeys.keyFor(message), confirmationUrl, fetch }),
  })
}

/** Of the event in a notification, which the log of a webhook holds too. */
export const scalewayForm: Omit<AdapterDescription, 'verify'> = {
  name: 'scaleway',
  entriesIn: entryOfNotification,
  emailIdName: 'email_id',
  wordOf: ({ type }) => type,
  types: {
    email_queued: 'queued',
    email_delivered: 'delivered',
    email_deferred: 'bounced',
    email_dropped: 'bounced',
    email_mailbox_not_found: 'bounced',
    email_spam: 'bounced',
    email_blocklisted: 'bounced',
    // About an address. The failure that led to it has an event of its own.
    blocklist_created: null,
  },
  factsOf(event) {
    const headers = headersIn(event)
    const messageId = messageIdIn(headers.get('message-id') ?? null)
    return {
      id: required('event ID', idForm, [event['id']]),
      emailId: event['email_id'],
      times: ['created_at', 'email_sent_at', 'email_queued_at'].map((field) => event[field]),
      recipient: textIn(event, ['email_to']),
      subject: headers.get('subject'),
      response: [replyIn(event)],
      tags: tagsIn(jsonIn(headers.get('x-tags') ?? '')),
      ownIds: ownIdsOf({
        ...objectIn(headers.get('x-metadata')),
        ...(messageId !== null && { [messageIdKey]: messageId }),
      }),
    }
  },
  bounceOf,
}

/** Whether a configured value names a topic. */
export const isScalewayTopic = (entry: string): boolean =>
  isTopicEntry(entry, (topicArn) => regionOf(topicArn) !== undefined)

/** A topic's other messages are about the subscription. */
function entryOfNotification(rawBody: Buffer): ReturnType<Entries> {
  const message = snsMessageIn(rawBody)
  if (!message) throw new InvalidEventError('the body is not a message of Topics and Events')
  if (message.Type !== 'Notification') return { entries: [] }
  return { entries: [], only: { entry: parseEnvelope(message.Message), payload: message.Message } }
}

/** Scaleway still tries when it has deferred an email. Whether `email_dropped` is about the address, the reply says. */
function bounceOf(event: Json, word: string): BounceReport {
  const subWord = textIn(event, ['blocklist_type'])
  const message = replyIn(event)
  const isSoft = word === 'email_deferred' || word === 'email_spam' || subWord === 'mailbox_full'
  return {
    class: isSoft ? 'soft' : classifyBounce({ code: codeIn(null, message) }),
    message,
    word,
    subWord,
    isOver: word !== 'email_deferred',
  }
}

/** The text may or may not repeat the code. */
function replyIn(event: Json): string | null {
  const code = textIn(event, ['email_response_code']) ?? ''
  const texts = ['email_response_message', 'email_error', 'blocklist_reason'].map((name) => textIn(event, [name]))
  const text = texts.find(Boolean) ?? ''
  const isRepeated = !/^[245]\d\d$/.test(code) || text.split(/\D+/).includes(code)
  return (isRepeated ? text : `${code} ${text}`.trim()) || null
}

/** By their names in lower case. */
function headersIn({ email_headers: headers }: Json): ReadonlyMap<string, string> {
  const entries = (Array.isArray(headers) ? headers : []).filter(isObject)
  return new Map(
    entries.map((header) => [textIn(header, ['key'])?.toLowerCase() ?? '', textIn(header, ['value']) ?? '']),
  )
}

function objectIn(text: string | undefined): Json {
  const value = jsonIn(text ?? '')
  return isObject(value) ? value : {}
}
