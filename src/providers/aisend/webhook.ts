/**
 * AISend. Its webhook documentation lists 8 events, each with a timestamp, the email ID and metadata, signed with
 * `x-webhook-signature` = HMAC-SHA256 of the raw body. The exact JSON is not published. Accepted is what such bodies commonly
 * look like: type with or without `email.`, envelope flat or `{type, created_at, data: {…}}`.
 */
import { createHash } from 'node:crypto'
import { classifyBounce, isGivenUp } from '../../domain/bounce-policy.ts'
import { isSubscriptionEventType, type ReceivedBounce, type ReceivedEvent } from '../../domain/events.ts'
import { ownIdsOf } from '../custom-fields.ts'
import { buildBounce, buildEvent, codeIn, isHumanEngagement, responseOf } from '../event-builder.ts'
import {
  decodeUtf8,
  first,
  identifier,
  idForm,
  isObject,
  type Json,
  parseEnvelope,
  recipientOf,
  recipientsOf,
  required,
  subjectOf,
  tagsIn,
  textIn,
  timeIn,
} from '../fields.ts'
import { hmacProof } from '../proof.ts'
import type { Provider } from '../provider.ts'

export const aisendProof = hmacProof({
  header: 'x-webhook-signature',
  encoding: 'hex',
  requirement: 'the secret from AISend',
})

export const aisend = {
  name: 'aisend',

  verify: aisendProof.verify,

  parse(rawBody, receivedAt) {
    const text = decodeUtf8(rawBody)
    const envelope = parseEnvelope(text)
    return [eventOf(envelope, text, rawBody, receivedAt)]
  },
} satisfies Provider

function eventOf(envelope: Json, text: string, rawBody: Buffer, receivedAt: number): ReceivedEvent {
  const data = nestedIn(envelope)
  const facts = { ...envelope, ...data }
  const to = recipientsOf(facts)
  const type = withoutPrefix(
    required('type', identifier, [envelope['type'], envelope['event'], envelope['event_type']]),
  )
  return buildEvent({
    provider: aisend.name,
    id: eventIdIn(envelope, data) ?? createHash('sha256').update(rawBody).digest('hex'),
    emailId: required('email ID', idForm, [facts['email_id'], facts['emailId'], data['id']]),
    type,
    occurredAt: timeIn(timeNames.map((name) => facts[name])) ?? receivedAt,
    receivedAt,
    to,
    recipient: recipientOf(facts, to),
    subject: subjectOf(facts),
    bounce: type === 'bounced' ? bounceOf(facts) : null,
    human: isHumanEngagement(type, textIn(facts, ['user_agent', 'userAgent'])),
    tags: tagsIn(facts['tags']),
    ...ownIdsOf(metadataIn(envelope, data)),
    ...furtherFactsOf(type, facts),
    payload: text,
  })
}

const timeNames = ['created_at', 'createdAt', 'timestamp', 'occurred_at', 'occurredAt']
const scheduleNames = ['scheduled_at', 'scheduledAt', 'scheduled_for', 'send_at', 'sendAt']

/** What only some types have. */
export function furtherFactsOf(type: string, facts: Json): Partial<ReceivedEvent> {
  if (type === 'queued') return { scheduledFor: timeIn(scheduleNames.map((name) => facts[name])) }
  if (type === 'delivered')
    return { response: responseOf(textIn(facts, ['response', 'smtp_response', 'smtpResponse'])) }
  return isSubscriptionEventType(type) ? { list: textIn(facts, ['list', 'list_id', 'listId', 'stream']) } : {}
}

/** The object in `data` or `metadata`; empty for the flat form. */
function nestedIn(envelope: Json): Json {
  const nested = envelope['data'] ?? envelope['metadata']
  return isObject(nested) ? nested : {}
}

/** The application's pairs. In the flat form, `metadata` at the top level has the event's own facts. */
const metadataIn = (envelope: Json, data: Json): unknown =>
  data['metadata'] ?? (isObject(envelope['data']) ? envelope['metadata'] : null)

/** A top-level `id` is the event's, never the email's. */
const eventIdIn = (envelope: Json, data: Json): string | undefined =>
  first('event ID', idForm, [
    envelope['id'],
    envelope['event_id'],
    envelope['eventId'],
    data['event_id'],
    data['eventId'],
  ])

/** A type or status without its `email.` prefix, in lower case. */
export const withoutPrefix = (type: string): string => type.toLowerCase().replace(/^email[._]/, '')

export function bounceOf(facts: Json): ReceivedBounce {
  const nested = facts['bounce']
  const { type: _eventType, ...flat } = facts
  const evidence = isObject(nested) ? { ...flat, ...nested } : flat
  const type = textIn(evidence, ['bounce_type', 'bounceType', 'bounce_class', 'type', 'class'])
  const message = textIn(evidence, ['message', 'reason', 'description', 'diagnostic'])
  const code = codeIn(textIn(evidence, ['bounce_code', 'bounceCode', 'code', 'status_code', 'status']), message)
  return buildBounce({
    class: classifyBounce({ type, code }),
    code,
    message,
    word: type || 'bounced',
    subWord: textIn(evidence, ['bounce_sub_type', 'bounceSubType', 'sub_type', 'subType', 'subtype']),
    host: textIn(evidence, ['host', 'mx', 'mx_host', 'mxHost', 'remote_host', 'remoteHost']),
    isOver: isGivenUp({ type, code }),
  })
}
