/**
 * AISend's API. The form of its answers is not published. Accepted is what such answers commonly hold: flat or in `data`, a
 * status, and times such as `delivered_at` or `deliveredAt`.
 */
import { providerEventTypes, type ReceivedBounce, type ReceivedEvent } from '../../domain/events.ts'
import { ownIdsOf } from '../custom-fields.ts'
import { buildEvent, reconciledIdOf } from '../event-builder.ts'
import { isObject, type Json, recipientOf, recipientsOf, subjectOf, tagsIn, textIn, timeIn } from '../fields.ts'
import { type ApiOptions, type ProviderApi, ProviderUnreachableError, type ProviderWebhook } from '../provider-api.ts'
import { createProviderHttp } from '../provider-http.ts'
import { aisend, bounceOf, furtherFactsOf, withoutPrefix } from './webhook.ts'

export type AisendApi = ProviderApi & Required<Pick<ProviderApi, 'sending' | 'webhooks'>>

/**
 * `GET /v1/emails/{id}`, `POST /v1/emails`, `POST` and `GET /v1/webhooks`. AISend documents no idempotency keys: one is sent,
 * but nothing relies on it.
 */
export function createAisendApi(options: ApiOptions): AisendApi {
  const http = createProviderHttp({ ...options, title: 'AISend', keySetting: 'AISEND_API_KEY' })
  return {
    async fetchEvents({ emailId }) {
      const path = `/v1/emails/${encodeURIComponent(emailId)}`
      const { status, json } = await http.request({ method: 'GET', path, isRepeatable: true })
      return status === 404 ? [] : eventsOf(emailId, factsIn(json), Date.now())
    },

    sending: {
      idempotencyWindowMs: null,

      async send({ tags, headers, externalId, metadata, ...message }, idempotencyKey) {
        const own = { ...metadata, ...(externalId && { external_id: externalId }) }
        const { json } = await http.request({
          method: 'POST',
          path: '/v1/emails',
          headers: { 'idempotency-key': idempotencyKey },
          body: {
            ...message,
            ...(tags.length > 0 && { tags }),
            ...(Object.keys(headers).length > 0 && { headers }),
            ...(Object.keys(own).length > 0 && { metadata: own }),
          },
          isRepeatable: false,
        })
        return { emailId: idIn(json, ['email_id', 'emailId', 'id']) }
      },
    },

    webhooks: {
      async registerWebhook(url, events) {
        const body = { url, events: events.length > 0 ? events : providerEventTypes.map((type) => `email.${type}`) }
        const { json } = await http.request({ method: 'POST', path: '/v1/webhooks', body, isRepeatable: false })
        const facts = factsIn(json)
        const secret = textIn(facts, ['secret', 'signing_secret', 'signingSecret'])
        return { id: idIn(json, ['id', 'webhook_id']), ...body, secret }
      },

      async listWebhooks() {
        const { json } = await http.request({ method: 'GET', path: '/v1/webhooks', isRepeatable: true })
        const list = Array.isArray(json) ? json : isObject(json) ? (json['data'] ?? json['webhooks']) : []
        return Array.isArray(list) ? list.filter(isObject).map(webhookOf) : []
      },
    },
  }
}

const webhookOf = (entry: Json): ProviderWebhook => ({
  id: textIn(entry, ['id', 'webhook_id']) ?? '',
  url: textIn(entry, ['url', 'endpoint']) ?? '',
  events: Array.isArray(entry['events']) ? entry['events'].map(String) : [],
})

/** The fields of an answer, at its top level and in `data`. */
function factsIn(answer: unknown): Json {
  if (!isObject(answer)) throw new ProviderUnreachableError('the answer of AISend is not a JSON object')
  return isObject(answer['data']) ? { ...answer, ...answer['data'] } : answer
}

/** @throws ProviderUnreachableError when the answer has no ID: the request may have been executed nevertheless. */
function idIn(answer: unknown, names: readonly string[]): string {
  const id = textIn(factsIn(answer), names)
  if (id === null) throw new ProviderUnreachableError('the answer of AISend has no ID')
  return id
}

const reconciledTypes = ['queued', 'sending', 'sent', 'delivered', 'bounced', 'complained'] as const

type ReconciledType = (typeof reconciledTypes)[number]

/** The event that a status proves. An email that was opened was delivered. */
const provenBy = new Map<string, ReconciledType>([
  ...reconciledTypes.map((type) => [type, type] as const),
  ['scheduled', 'queued'],
  ['opened', 'delivered'],
  ['clicked', 'delivered'],
  ['hard_bounced', 'bounced'],
  ['soft_bounced', 'bounced'],
])

/** An event for each time in the answer, and for the status if it has no time. */
function eventsOf(emailId: string, email: Json, now: number): ReceivedEvent[] {
  const proven = provenBy.get(statusIn(email))
  return reconciledTypes.flatMap((type) => {
    const at = timeOf(email, type)
    return at !== null || type === proven ? [eventOf(emailId, email, type, at ?? statusTime(email) ?? now, now)] : []
  })
}

const statusIn = (email: Json): string => {
  const status = [email['status'], email['last_event'], email['state']].find((value) => typeof value === 'string')
  return withoutPrefix(String(status ?? '').trim())
}

const timeOf = (email: Json, type: ReconciledType): number | null =>
  timeIn([email[`${type}_at`], email[`${type}At`], bounceTime(email, type)])

const bounceTime = (email: Json, type: ReconciledType): unknown => {
  const bounce = email['bounce']
  return type === 'bounced' && isObject(bounce) ? (bounce['at'] ?? bounce['timestamp'] ?? bounce['created_at']) : null
}

/** The time of the status, where the answer has it. */
const statusTime = (email: Json): number | null =>
  timeIn([email['status_at'], email['statusAt'], email['updated_at'], email['updatedAt']])

function eventOf(emailId: string, email: Json, type: ReconciledType, occurredAt: number, now: number): ReceivedEvent {
  const bounce = type === 'bounced' ? reconciledBounce(email) : null
  const to = recipientsOf(email)
  return buildEvent({
    provider: aisend.name,
    emailId,
    id: reconciledIdOf(emailId, type, bounce),
    type,
    occurredAt,
    receivedAt: now,
    to,
    recipient: recipientOf(email, to),
    subject: subjectOf(email),
    bounce,
    tags: tagsIn(email['tags']),
    ...ownIdsOf(email['metadata']),
    ...furtherFactsOf(type, email),
    payload: JSON.stringify({ source: 'reconcile', type, status: statusIn(email), occurred_at: occurredAt, bounce }),
  })
}

/** `status` is the email's status here, not the bounce's code. */
function reconciledBounce({ status, ...facts }: Json): ReceivedBounce {
  const named = statusIn({ ...facts, status })
  const isBounceType = named === 'soft_bounced' || named === 'hard_bounced'
  return bounceOf(isBounceType ? { bounce_type: named, ...facts } : facts)
}
