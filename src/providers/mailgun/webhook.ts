/**
 * Mailgun. The signature in the body covers a timestamp and a token, but nothing of the event: anyone who has seen one request
 * can put its signature on another event. So a token is accepted for one event only, until its timestamp is too old. Sources:
 * Mailgun's documentation of webhooks, "Securing webhooks" and the events API.
 */
import { normalizeAddress } from '../../domain/address.ts'
import { classifyBounce } from '../../domain/bounce-policy.ts'
import { type Adapter, type AdapterDescription, createAdapter } from '../adapter.ts'
import { ownIdsOf, withoutAngleBrackets } from '../custom-fields.ts'
import { type BounceReport, bodyObject, codeIn } from '../event-builder.ts'
import { idForm, isObject, type Json, partOf, required, tagsIn, textIn, timeIn } from '../fields.ts'
import { type AdapterDependencies, InvalidEventError } from '../provider.ts'
import { explainRefusal, mailgunName, verifierOf } from './signature.ts'

export function createMailgun(dependencies: Pick<AdapterDependencies, 'tokens' | 'clock'>): Adapter {
  const adapter = createAdapter({ ...mailgunForm, verify: verifierOf(dependencies), explainRefusal })
  return {
    ...adapter,
    // Mailgun repeats a request for 8 hours unless the answer is 200 or 406 ("Webhook retries").
    parse(rawBody, receivedAt, headers) {
      try {
        return adapter.parse(rawBody, receivedAt, headers)
      } catch (error) {
        throw error instanceof InvalidEventError ? new InvalidEventError(error.message, 406) : error
      }
    },
  }
}

/** Of `event-data` in a webhook, and of the same facts in a log entry. */
export const mailgunForm: Omit<AdapterDescription, 'verify'> = {
  name: mailgunName,
  entriesIn(rawBody) {
    const entry = bodyObject(rawBody)['event-data']
    if (!isObject(entry)) throw new InvalidEventError('the body has no event-data')
    // Without the signature, which only this webhook needs.
    return { entries: [], only: { entry, payload: JSON.stringify(entry) } }
  },
  emailIdName: 'message-id',
  wordOf: (data) => data['event'],
  types: { accepted: 'queued', failed: 'bounced', rejected: 'bounced' },
  // Such as an upload to a mailing list. A failure without a message still names an address that must be suppressed.
  isAboutNoEmail: (data, word) =>
    messageIdOf(data) === undefined &&
    !(/^(failed|rejected|complained)$/.test(word) && normalizeAddress(recipientIn(data))),
  factsOf(data) {
    const headers = headersIn(data)
    const client = partOf(data, 'client-info')
    const status = partOf(data, 'delivery-status')
    return {
      id: eventIdIn(data, timeIn([data['timestamp']])),
      emailId: messageIdOf(data),
      times: [data['timestamp']],
      recipient: recipientIn(data),
      subject: headers['subject'],
      userAgent: textIn(client, ['user-agent']),
      isMachine: isBot(client),
      response: [textIn(status, ['code']), textIn(status, ['message'])],
      list: textIn(partOf(data, 'mailing-list'), ['address', 'list-id']),
      tags: tagsIn(data['tags']),
      ownIds: ownIdsOf(data['user-variables']),
    }
  },
  bounceOf,
}

const headersIn = (data: Json): Json => partOf(partOf(data, 'message'), 'headers')

const messageIdOf = (data: Json): string | undefined =>
  withoutAngleBrackets(textIn(headersIn(data), ['message-id']) ?? '') || undefined

const recipientIn = (data: Json): string => textIn(data, ['recipient']) ?? textIn(headersIn(data), ['to']) ?? ''

/** Mailgun's event IDs are unique within a day only. */
const eventIdIn = (data: Json, occurredAt: number | null): string =>
  `${occurredAt === null ? 'undated' : new Date(occurredAt).toISOString().slice(0, 10)}/${required('event ID', idForm, [data['id']])}`

/** Mailgun marks known machines: `generic`, `apple`, `gmail`. */
const isBot = (client: Json): boolean => (textIn(client, ['bot']) ?? '') !== ''

/** Reasons of a permanent failure for which Mailgun adds the address to its suppression list, or has it there. */
const listingReasons = /^(bounce|hardfail|suppress-bounce|suppress-complaint)$/

/** A permanent failure is over; Mailgun tries again after a temporary one. */
function bounceOf(data: Json, mailgunType: string): BounceReport {
  const status = partOf(data, 'delivery-status')
  if (mailgunType === 'rejected') {
    const message = textIn(partOf(data, 'reject'), ['reason', 'description'])
    return { class: 'soft', message, word: mailgunType, isOver: true }
  }
  const isOver = textIn(data, ['severity']) === 'permanent'
  const reason = textIn(data, ['reason'])
  const message = textIn(status, ['message']) || textIn(status, ['description'])
  const code = codeIn(textIn(status, ['enhanced-code']), message) ?? codeIn(textIn(status, ['code']), null)
  const isClassified = isOver && (listingReasons.test(reason ?? '') || /^5\.1\./.test(code ?? ''))
  return {
    class: isClassified ? classifyBounce({ type: textIn(status, ['bounce-type']), code }) : 'soft',
    code,
    message,
    word: `${mailgunType} ${isOver ? 'permanent' : 'temporary'}`,
    subWord: reason,
    host: textIn(status, ['mx-host']),
    isOver,
  }
}
