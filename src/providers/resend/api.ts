/**
 * Resend's API, by its OpenAPI document (github.com/resend/resend-openapi, 1.5.0): `POST /emails` and `GET /emails/{id}`,
 * `POST` and `GET /webhooks`. Its answer about an email holds only the last event, and only the time of creation.
 */
import { z } from 'zod'
import { normalizeAddress } from '../../domain/address.ts'
import type { ProviderEventType, ReceivedBounce, ReceivedEvent } from '../../domain/events.ts'
import { buildEvent, reconciledIdOf } from '../event-builder.ts'
import { isObject, tagsIn, timeIn } from '../fields.ts'
import {
  type ApiOptions,
  EmailRefusedError,
  type ProviderApi,
  ProviderUnreachableError,
  type Sending,
  type WebhookSetup,
} from '../provider-api.ts'
import { createProviderHttp, type ProviderHttp } from '../provider-http.ts'
import { bounceOf, resend, scheduledTimeIn } from './webhook.ts'

/** Resend stores idempotency keys for 24 hours (resend.com/docs/dashboard/emails/idempotency-keys). */
const idempotencyWindowMs = 24 * 3_600_000

/** The webhook events about emails (Resend's webhook documentation, event types). */
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
  scheduled_at: z.string().nullish(),
  last_event: z.string().nullish(),
  /** With the last event `bounced` (resend/resend-node#1030). */
  bounce: z.record(z.string(), z.unknown()).nullish(),
  tags: z.unknown().optional(),
})
type ResendEmail = z.infer<typeof emailForm>
const createdForm = z.object({ id: z.string().min(1), signing_secret: z.string().nullish() })
const listForm = z.object({
  data: z.array(z.object({ id: z.string(), endpoint: z.string(), events: z.array(z.string()).nullish() })),
})

export type ResendApi = ProviderApi & Required<Pick<ProviderApi, 'sending' | 'webhooks'>>

export function createResendApi(options: ApiOptions): ResendApi {
  const http = createProviderHttp({ ...options, title: 'Resend', keySetting: 'RESEND_API_KEY' })
  return {
    async fetchEvents({ emailId }) {
      const path = `/emails/${encodeURIComponent(emailId)}`
      const { status, json } = await http.request({ method: 'GET', path, isRepeatable: true })
      return status === 404 ? [] : eventsOf(emailId, answerOf(emailForm, json), Date.now())
    },
    sending: sendingThrough(http),
    webhooks: webhooksThrough(http),
  }
}

const sendingThrough = (http: ProviderHttp): Sending => ({
  idempotencyWindowMs,

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
    return { emailId: answerOf(sentForm, json).id }
  },
})

const webhooksThrough = (http: ProviderHttp): WebhookSetup => ({
  async registerWebhook(url, named) {
    const events = named.length > 0 ? named : resendEmailEvents
    const body = { endpoint: url, events }
    const { json } = await http.request({ method: 'POST', path: '/webhooks', body, isRepeatable: false })
    const { id, signing_secret: secret } = answerOf(createdForm, json)
    return { id, url, events, secret: secret ?? null }
  },

  async listWebhooks() {
    const { json } = await http.request({ method: 'GET', path: '/webhooks', isRepeatable: true })
    return answerOf(listForm, json).data.map(({ id, endpoint, events }) => ({
      id,
      url: endpoint,
      events: events ?? [],
    }))
  },
})

/** Another request with this key is being executed: a later request gets its answer. */
const isStillSending = (error: unknown): boolean =>
  error instanceof EmailRefusedError && error.reason === 'concurrent_idempotent_requests'

function answerOf<T>(form: z.ZodType<T>, json: unknown): T {
  const parsed = form.safeParse(json)
  if (parsed.success) return parsed.data
  throw new ProviderUnreachableError('the answer of Resend does not match its documentation')
}

/** Resend's tags are pairs of ASCII letters, digits, `_` and `-`. A tag without a value gets `true`. */
function tagOf(tag: string): { name: string; value: string } {
  const [name = '', ...value] = tag.split(':')
  return { name: tagText(name), value: tagText(value.join(':') || 'true') }
}

const tagText = (text: string): string => text.replace(/[^\w-]/g, '_').slice(0, 256)

/** The event that the last event at Resend proves. An email that was opened was delivered; a cancelled one proves nothing. */
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
  const queuedAt = timeIn([email.created_at]) ?? (proven === 'queued' ? now : null)
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
  const bounce = type === 'bounced' ? lastBounceOf(last, email) : null
  return buildEvent({
    provider: resend.name,
    emailId,
    id: reconciledIdOf(emailId, type, bounce),
    type,
    occurredAt,
    receivedAt: now,
    to,
    recipient: to.length === 1 ? (to[0] ?? null) : null,
    subject: email.subject?.slice(0, 998) ?? null,
    bounce,
    scheduledFor: type === 'queued' && last === 'scheduled' ? scheduledTimeIn(email, now) : null,
    tags: tagsIn(email.tags),
    payload: JSON.stringify({ source: 'reconcile', type, last_event: last, occurred_at: occurredAt }),
  })
}

/**
 * A bounce without its facts may be permanent or not: it is over, and not held against the recipient, since it must not overrule
 * what a webhook said.
 */
function lastBounceOf(last: string, email: ResendEmail): ReceivedBounce {
  const message = `last event at Resend: ${last}`
  const isKnown = last !== 'bounced' || isObject(email.bounce)
  const bounce = bounceOf(last, email)
  return { ...bounce, message: bounce.message ?? message, ...(!isKnown && { class: 'soft' }) }
}
