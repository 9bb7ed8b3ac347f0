/**
 * Mailgun. The signature in the body covers a timestamp and a token, but nothing of the event: anyone who has seen one request
 * can put its signature on another event. So a token is accepted for one event only, until its timestamp is too old. Sources:
 * Mailgun's documentation of webhooks, "Securing webhooks" and the events API.
 */
import { timingSafeEqual } from 'node:crypto'
import { normalizeAddress } from '../../domain/address.ts'
import { classifyBounce } from '../../domain/bounce-policy.ts'
import { isSubscriptionEventType, type ReceivedEvent } from '../../domain/events.ts'
import { ownIdsOf } from '../custom-fields.ts'
import {
  type Bounce,
  bodyObject,
  buildBounce,
  buildEvent,
  codeIn,
  eventIdOf,
  isHumanEngagement,
  responseOf,
  unknownEmailId,
} from '../event-builder.ts'
import {
  first,
  identifier,
  idForm,
  isObject,
  type Json,
  partOf,
  required,
  subjectOf,
  tagsIn,
  textIn,
  timeIn,
} from '../fields.ts'
import { type AdapterDependencies, InvalidEventError, type Provider } from '../provider.ts'
import { hmacSha256, matchesAny } from '../signature.ts'

export const mailgunName = 'mailgun'

/**
 * Limits of a signed timestamp. Mailgun retries a webhook for 8 hours, by all that is known with the signature of the first
 * attempt (hookdeck/webhook-skills, mailgun-webhooks): a shorter limit would refuse late retries, as in
 * beyondcode/laravel-mailbox issue 93.
 */
const [maxAgeMs, maxAheadMs] = [9 * 3_600_000, 5 * 60_000]

export const createMailgun = ({ tokens, clock }: Pick<AdapterDependencies, 'tokens' | 'clock'>): Provider => ({
  name: mailgunName,

  verify(rawBody, _headers, signingKeys) {
    const signature = signatureIn(rawBody)
    if (signature === null) return false
    const ageMs = clock() - Number(signature.timestamp) * 1000
    if (!isSigned(signature, signingKeys) || ageMs > maxAgeMs || ageMs < -maxAheadMs) return false
    return tokens.claim(mailgunName, signature.token, eventKeyIn(rawBody))
  },

  explainRefusal: (rawBody, headers) =>
    isForm(rawBody, headers['content-type'])
      ? {
          status: 406,
          detail: 'this is a form, as old webhooks post it: delete that webhook at Mailgun, and add a current one',
        }
      : null,

  // Mailgun repeats a request for 8 hours unless the answer is 200 or 406 ("Webhook retries").
  parse(rawBody, receivedAt) {
    try {
      const data = bodyObject(rawBody)['event-data']
      if (!isObject(data)) throw new InvalidEventError('the body has no event-data')
      return eventsOf(data, receivedAt)
    } catch (error) {
      throw error instanceof InvalidEventError ? new InvalidEventError(error.message, 406) : error
    }
  },
})

const isForm = (rawBody: Buffer, contentType = ''): boolean =>
  /^(application\/x-www-form-urlencoded|multipart\/form-data)/i.test(contentType) &&
  !/^\s*[{[]/.test(rawBody.toString('latin1', 0, 100))

/** Two requests with the same token and this key hold the same event: the second one is a repeat, whatever else it holds. */
function eventKeyIn(rawBody: Buffer): string {
  const { id, timestamp } = partOf(bodyObject(rawBody), 'event-data')
  return eventIdOf(id, timestamp)
}

interface Signature {
  readonly timestamp: string
  readonly token: string
  /** That of the account, and for a subaccount that of its parent too. */
  readonly signatures: readonly Buffer[]
}

function signatureIn(rawBody: Buffer): Signature | null {
  const { timestamp, token, ...part } = signaturePartOf(rawBody)
  const signatures = [part['signature'], part['parent-signature']]
    .map(String)
    .filter((signature) => /^[0-9a-f]{64}$/i.test(signature))
    .map((signature) => Buffer.from(signature, 'hex'))
  const isWhole = /^\d{1,12}$/.test(String(timestamp)) && /^[\w-]{1,128}$/.test(String(token)) && signatures.length > 0
  return isWhole ? { timestamp: String(timestamp), token: String(token), signatures } : null
}

function signaturePartOf(rawBody: Buffer): Json {
  try {
    return partOf(bodyObject(rawBody), 'signature')
  } catch {
    // A body that is not JSON has no signature.
    return {}
  }
}

const isSigned = ({ timestamp, token, signatures }: Signature, signingKeys: readonly string[]): boolean =>
  matchesAny(signingKeys, (key) => {
    const expected = hmacSha256(timestamp + token, key)
    return signatures.map((signature) => timingSafeEqual(expected, signature)).includes(true)
  })

/** Mailgun's types by ours. A type without an entry is stored under its own name. */
const types = new Map([
  ['accepted', 'queued'],
  ['failed', 'bounced'],
  ['rejected', 'bounced'],
])

/** Mailgun's API answers with `<…>` around the ID, its webhooks have it without. */
export const mailgunEmailIdOf = (named: string): string => named.replace(/^<(.*)>$/, '$1')

/**
 * The event in `data`, the `event-data` of a webhook or the same facts of a log entry; none if it is about no email.
 * @param receivedAt epoch milliseconds.
 * @throws InvalidEventError if it cannot be read.
 */
export function eventsOf(data: Json, receivedAt: number): ReceivedEvent[] {
  const mailgunType = required('event', identifier, [data['event']])
  const type = types.get(mailgunType) ?? mailgunType
  const headers = partOf(partOf(data, 'message'), 'headers')
  const address = normalizeAddress(textIn(data, ['recipient']) ?? textIn(headers, ['to']) ?? '')
  const occurredAt = timeIn([data['timestamp']])
  const id = eventIdIn(data, occurredAt)
  const messageId = first('message-id', idForm, [mailgunEmailIdOf(textIn(headers, ['message-id']) ?? '') || undefined])
  const mustSuppress = address !== null && (type === 'bounced' || type === 'complained')
  const emailId = messageId ?? (mustSuppress ? unknownEmailId(id) : null)
  // About no email, such as an upload to a mailing list.
  if (emailId === null) return []
  const client = partOf(data, 'client-info')
  const status = partOf(data, 'delivery-status')
  const event = buildEvent({
    provider: mailgunName,
    id,
    emailId,
    type,
    occurredAt: occurredAt ?? receivedAt,
    receivedAt,
    to: address === null ? [] : [address],
    recipient: address,
    subject: subjectOf(headers),
    bounce: bounceOf(mailgunType, data, status),
    human: !isBot(client) && isHumanEngagement(type, textIn(client, ['user-agent'])),
    response: type === 'delivered' ? responseOf(textIn(status, ['code']), textIn(status, ['message'])) : null,
    list: isSubscriptionEventType(type) ? textIn(partOf(data, 'mailing-list'), ['address', 'list-id']) : null,
    tags: tagsIn(data['tags']),
    ...ownIdsOf(data['user-variables']),
    // Without the signature, which only this webhook needs.
    payload: JSON.stringify(data),
  })
  return [event]
}

/** Mailgun's event IDs are unique within a day only. */
const eventIdIn = (data: Json, occurredAt: number | null): string =>
  `${occurredAt === null ? 'undated' : new Date(occurredAt).toISOString().slice(0, 10)}/${required('event ID', idForm, [data['id']])}`

/** Mailgun marks known machines: `generic`, `apple`, `gmail`. */
const isBot = (client: Json): boolean => (textIn(client, ['bot']) ?? '') !== ''

/** Reasons of a permanent failure for which Mailgun adds the address to its suppression list, or has it there. */
const listingReasons = /^(bounce|hardfail|suppress-bounce|suppress-complaint)$/

/** A permanent failure is over; Mailgun tries again after a temporary one. */
function bounceOf(mailgunType: string, data: Json, status: Json): Bounce {
  if (mailgunType === 'rejected') {
    const message = textIn(partOf(data, 'reject'), ['reason', 'description'])
    return buildBounce({ class: 'soft', message, word: mailgunType, isOver: true })
  }
  if (mailgunType !== 'failed') return null
  const isOver = textIn(data, ['severity']) === 'permanent'
  const reason = textIn(data, ['reason'])
  const message = textIn(status, ['message']) || textIn(status, ['description'])
  const code = codeIn(textIn(status, ['enhanced-code']), message) ?? codeIn(textIn(status, ['code']), null)
  const isClassified = isOver && (listingReasons.test(reason ?? '') || /^5\.1\./.test(code ?? ''))
  return buildBounce({
    class: isClassified ? classifyBounce({ type: textIn(status, ['bounce-type']), code }) : 'soft',
    code,
    message,
    word: `${mailgunType} ${isOver ? 'permanent' : 'temporary'}`,
    subWord: reason,
    host: textIn(status, ['mx-host']),
    isOver,
  })
}
