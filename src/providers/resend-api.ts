/**
 * Resend's API, by its OpenAPI document (github.com/resend/resend-openapi, 1.5.0): `POST /emails` and `GET /emails/{id}`,
 * `POST` and `GET /webhooks`. It tells of an email only its last event, and no time but that of its making.
 */
import { z } from 'zod'
import { normalizeAddress } from '../domain/address.ts'
import type { ProviderEventType, ReceivedEvent } from '../domain/events.ts'
import type { ApiOptions } from './aisend-api.ts'
import { EmailRefusedError, type ProviderApi, ProviderUnreachableError } from './provider.ts'
import { createProviderHttp } from './provider-http.ts'
import { resend } from './resend.ts'

/** Resend keeps idempotency keys for 24 hours (resend.com/docs/dashboard/emails/idempotency-keys). */
const idempotencyWindowMs = 24 * 3_600_000

/** Every event of an email that Resend has a webhook for (its webhook documentation, event types). */
export const resendEmailEvents: readonly string[] = [
  'email.scheduled',
  'email.sent',
  'email.delivered',
  'email.delivery_delayed',
  'email.bounced',
  'email.complained',
  'email.opened',
  'email.clicked',
  'email.failed',
  'email.suppressed',
]

const sentForm = z.object({ id: z.string().min(1) })
const emailForm = z.object({
  to: z.array(z.string()).nullish(),
  subject: z.string().nullish(),
  created_at: z.string().nullish(),
  last_event: z.string().nullish(),
})
type ResendEmail = z.infer<typeof emailForm>
const createdForm = z.object({ id: z.string().min(1), signing_secret: z.string().nullish() })
const listForm = z.object({
  data: z.array(z.object({ id: z.string(), endpoint: z.string(), events: z.array(z.string()).nullish() })),
})

export function createResendApi(options: ApiOptions): ProviderApi {
  const http = createProviderHttp({ ...options, title: 'Resend', keySetting: 'RESEND_API_KEY' })
  return {
    idempotencyWindowMs,

    async fetchEvents(emailId) {
      const path = `/emails/${encodeURIComponent(emailId)}`
      const { status, json } = await http.request({ method: 'GET', path, isRepeatable: true })
      return status === 404 ? [] : eventsOf(emailId, understood(emailForm, json), Date.now())
    },

    async send({ from, to, subject, html, text, headers, tags }, idempotencyKey) {
      const request = http.request({
        method: 'POST',
        path: '/emails',
        headers: { 'idempotency-key': idempotencyKey },
        body: {
          ...{ from, to, subject },
          ...(html !== null && { html }),
          ...(text !== null && { text }),
          ...(Object.keys(headers).length > 0 && { headers }),
          ...(tags.length > 0 && { tags: tags.map(tagOf) }),
        },
        isRepeatable: true,
      })
      const { json } = await request.catch((error) => {
        throw isStillSending(error)
          ? new ProviderUnreachableError('Resend is still sending it', { retryAfterMs: 2_000 })
          : error
      })
      return { emailId: understood(sentForm, json).id }
    },

    async registerWebhook(url, named) {
      const events = named.length > 0 ? named : resendEmailEvents
      const body = { endpoint: url, events }
      const { json } = await http.request({ method: 'POST', path: '/webhooks', body, isRepeatable: false })
      const { id, signing_secret: secret } = understood(createdForm, json)
      return { id, url, events, secret: secret ?? null }
    },

    async listWebhooks() {
      const { json } = await http.request({ method: 'GET', path: '/webhooks', isRepeatable: true })
      return understood(listForm, json).data.map(({ id, endpoint, events }) => ({
        id,
        url: endpoint,
        events: events ?? [],
      }))
    },
  }
}

/** Two requests with one key at the same moment: the other one's answer comes to whoever asks again. */
const isStillSending = (error: unknown): boolean =>
  error instanceof EmailRefusedError && error.reason === 'concurrent_idempotent_requests'

function understood<T>(form: z.ZodType<T>, json: unknown): T {
  const parsed = form.safeParse(json)
  if (parsed.success) return parsed.data
  throw new ProviderUnreachableError('the answer of Resend is not as its documentation says')
}

/** Resend's tags are pairs, of ASCII letters, digits, `_` and `-` alone; a word of ours has no value of its own. */
function tagOf(tag: string): { name: string; value: string } {
  const [name = '', ...value] = tag.split(':')
  return { name: tagText(name), value: tagText(value.join(':') || 'true') }
}

const tagText = (text: string): string => text.replace(/[^\w-]/g, '_').slice(0, 256)

/** What Resend's last event proves. Nobody opens what was not delivered; what is cancelled proves nothing. */
const provenBy = new Map<string, ProviderEventType>([
  ['queued', 'queued'],
  ['scheduled', 'queued'],
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['opened', 'delivered'],
  ['clicked', 'delivered'],
  ['complained', 'complained'],
  ['delivery_delayed', 'bounced'],
  ['bounced', 'bounced'],
  ['failed', 'bounced'],
  ['suppressed', 'bounced'],
])

function eventsOf(emailId: string, email: ResendEmail, now: number): ReceivedEvent[] {
  const last = (email.last_event ?? '').toLowerCase()
  const proven = provenBy.get(last)
  const madeAt = Date.parse((email.created_at ?? '').replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'))
  const fallback = proven === 'queued' ? now : null
  const queuedAt = Number.isNaN(madeAt) ? fallback : madeAt
  return [
    ...(queuedAt === null ? [] : [eventOf(emailId, email, 'queued', last, queuedAt, now)]),
    ...(proven === undefined || proven === 'queued' ? [] : [eventOf(emailId, email, proven, last, now, now)]),
  ]
}

function eventOf(
  emailId: string,
  email: ResendEmail,
  type: ProviderEventType,
  last: string,
  occurredAt: number,
  now: number,
): ReceivedEvent {
  const to = (email.to ?? []).map(normalizeAddress).filter((address) => address !== null)
  const bounce = type === 'bounced' ? bounceOf(last) : null
  return {
    provider: resend.name,
    emailId,
    // A bounce that is final after one that was not is news: each has an ID of its own.
    id: `reconcile:${emailId}:${type}${bounce?.class === 'soft' ? ':soft' : ''}`,
    type,
    occurredAt,
    receivedAt: now,
    to,
    // What may pass says nothing against the recipient: see `deferral`.
    recipient: to.length === 1 && bounce?.class !== 'soft' ? (to[0] ?? null) : null,
    subject: email.subject?.slice(0, 998) ?? null,
    bounce,
    human: false,
    payload: JSON.stringify({ source: 'reconcile', type, last_event: last, occurred_at: occurredAt }),
  }
}

/** A delay is the one that delivery may follow. A failure is ours or the provider's, and no address is to blame for it. */
const bounceOf = (last: string): ReceivedEvent['bounce'] => ({
  class: last === 'delivery_delayed' || last === 'failed' ? 'soft' : 'hard',
  code: null,
  message: `last event at Resend: ${last}`,
})
