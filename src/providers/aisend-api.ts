/**
 * AISend's API. Its form is not published, so what is read is what such answers commonly hold: flat or in `data`, a status
 * word, and times such as `delivered_at` or `deliveredAt`.
 */
import { providerEventTypes, type ReceivedEvent } from '../domain/events.ts'
import { aisend, bounceOf, plainWord } from './aisend.ts'
import { instant, isObject, type Json, recipientOf, recipientsOf, subjectOf, textIn } from './fields.ts'
import { type ProviderApi, ProviderUnreachableError, type ProviderWebhook } from './provider.ts'
import { createProviderHttp } from './provider-http.ts'

export interface ApiOptions {
  /** Without a slash at its end. */
  readonly apiUrl: string
  readonly apiKey: string
  /** See {@link createProviderHttp}. */
  readonly timeoutMs?: number
}

/**
 * `GET /v1/emails/{id}`, `POST /v1/emails`, `POST` and `GET /v1/webhooks`. AISend documents no idempotency keys: one is
 * sent along, but nothing relies on it.
 */
export function createAisendApi(options: ApiOptions): ProviderApi {
  const http = createProviderHttp({ ...options, title: 'AISend', keySetting: 'AISEND_API_KEY' })
  return {
    idempotencyWindowMs: null,

    async fetchEvents(emailId) {
      const path = `/v1/emails/${encodeURIComponent(emailId)}`
      const { status, json } = await http.request({ method: 'GET', path, isRepeatable: true })
      return status === 404 ? [] : eventsOf(emailId, factsIn(json), Date.now())
    },

    async send({ tags, headers, ...message }, idempotencyKey) {
      const { json } = await http.request({
        method: 'POST',
        path: '/v1/emails',
        headers: { 'idempotency-key': idempotencyKey },
        body: { ...message, ...(tags.length > 0 && { tags }), ...(Object.keys(headers).length > 0 && { headers }) },
        isRepeatable: false,
      })
      return { emailId: idIn(json, ['email_id', 'emailId', 'id']) }
    },

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
  }
}

const webhookOf = (entry: Json): ProviderWebhook => ({
  id: textIn(entry, ['id', 'webhook_id']) ?? '',
  url: textIn(entry, ['url', 'endpoint']) ?? '',
  events: Array.isArray(entry['events']) ? entry['events'].map(String) : [],
})

/** What an answer says, whether it stands in `data` or not. */
function factsIn(answer: unknown): Json {
  if (!isObject(answer)) throw new ProviderUnreachableError('the answer of AISend is not a JSON object')
  return isObject(answer['data']) ? { ...answer, ...answer['data'] } : answer
}

/** @throws ProviderUnreachableError when none is named: what was asked for may have been done all the same. */
function idIn(answer: unknown, names: readonly string[]): string {
  const id = textIn(factsIn(answer), names)
  if (id === null) throw new ProviderUnreachableError('the answer of AISend names no ID')
  return id
}

type ReconciledType = 'queued' | 'sending' | 'sent' | 'delivered' | 'bounced' | 'complained'

const reconciledTypes: readonly ReconciledType[] = ['queued', 'sending', 'sent', 'delivered', 'bounced', 'complained']

/** The status word as the event that it proves. Nobody opens what was not delivered. */
const provenBy: Readonly<Record<string, ReconciledType>> = {
  ...Object.fromEntries(reconciledTypes.map((type) => [type, type])),
  opened: 'delivered',
  clicked: 'delivered',
  hard_bounced: 'bounced',
  soft_bounced: 'bounced',
}

/** Each fact with a time of its own, and the one that the status word alone proves. */
function eventsOf(emailId: string, email: Json, now: number): ReceivedEvent[] {
  const status = statusIn(email)
  const proven = Object.hasOwn(provenBy, status) ? provenBy[status] : undefined
  return reconciledTypes.flatMap((type) => {
    const at = timeOf(email, type)
    return at !== null || type === proven ? [eventOf(emailId, email, type, at ?? statusTime(email) ?? now, now)] : []
  })
}

const statusIn = (email: Json): string => {
  const word = [email['status'], email['last_event'], email['state']].find((value) => typeof value === 'string')
  return plainWord(String(word ?? '').trim())
}

const timeOf = (email: Json, type: ReconciledType): number | null =>
  firstTime([email[`${type}_at`], email[`${type}At`], bounceTime(email, type)])

const bounceTime = (email: Json, type: ReconciledType): unknown => {
  const bounce = email['bounce']
  return type === 'bounced' && isObject(bounce) ? (bounce['at'] ?? bounce['timestamp'] ?? bounce['created_at']) : null
}

/** When the status became what it is, where AISend says so. */
const statusTime = (email: Json): number | null =>
  firstTime([email['status_at'], email['statusAt'], email['updated_at'], email['updatedAt']])

/** A time that cannot be read counts as not said: the rest of the answer still helps. */
function firstTime(values: readonly unknown[]): number | null {
  for (const value of values) {
    const parsed = instant.safeParse(value)
    if (parsed.success) return parsed.data
  }
  return null
}

function eventOf(emailId: string, email: Json, type: ReconciledType, occurredAt: number, now: number): ReceivedEvent {
  const bounce = type === 'bounced' ? reconciledBounce(email) : null
  const to = recipientsOf(email)
  return {
    provider: aisend.name,
    emailId,
    id: eventIdOf(emailId, type, bounce),
    type,
    occurredAt,
    receivedAt: now,
    to,
    recipient: recipientOf(email, to),
    subject: subjectOf(email),
    bounce,
    human: false,
    payload: JSON.stringify({ source: 'reconcile', type, status: statusIn(email), occurred_at: occurredAt, bounce }),
  }
}

/** The same however often it is asked; but a hard bounce after a soft one is news, so a soft one has its own ID. */
const eventIdOf = (emailId: string, type: ReconciledType, bounce: ReceivedEvent['bounce']): string =>
  `reconcile:${emailId}:${type}${bounce?.class === 'soft' ? ':soft' : ''}`

/** The email's `status` is a word about the email here, not a code of the bounce. */
function reconciledBounce({ status, ...facts }: Json): ReceivedEvent['bounce'] {
  const word = statusIn({ ...facts, status })
  const evidence = word === 'soft_bounced' || word === 'hard_bounced' ? { bounce_type: word, ...facts } : facts
  return bounceOf(evidence)
}
