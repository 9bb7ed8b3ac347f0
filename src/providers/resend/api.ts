/**
 * Resend's API, by its OpenAPI document (github.com/resend/resend-openapi, 1.5.0): `POST /emails` and `GET /emails/{id}`,
 * `POST` and `GET /webhooks`; history.ts and suppression-lists.ts name the rest.
 */
import { z } from 'zod'
import { metadataTagPrefix } from '../custom-fields.ts'
import {
  type ApiOptions,
  EmailRefusedError,
  type OutgoingEmail,
  type ProviderApi,
  ProviderUnreachableError,
  type Sending,
  type WebhookSetup,
} from '../provider-api.ts'
import { createProviderHttp, type ProviderHttp } from '../provider-http.ts'
import { answerOf } from './answers.ts'
import { historyThrough } from './history.ts'
import { emailForm, eventsProvenBy } from './last-event.ts'
import { suppressionListsThrough } from './suppression-lists.ts'

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
const createdForm = z.object({ id: z.string().min(1), signing_secret: z.string().nullish() })
const listForm = z.object({
  data: z.array(z.object({ id: z.string(), endpoint: z.string(), events: z.array(z.string()).nullish() })),
})

export type ResendApi = Required<ProviderApi>

/**
 * Resend cannot be asked for the events of one email: the answer about it holds the last event, without the ID of its webhook. So
 * `fetchEvents` has IDs of its own, and `history` those of the webhooks.
 */
export function createResendApi(options: ApiOptions): ResendApi {
  const http = createProviderHttp({ ...options, title: 'Resend', keySetting: 'RESEND_API_KEY' })
  return {
    async fetchEvents({ emailId }) {
      const path = `/emails/${encodeURIComponent(emailId)}`
      const { status, json } = await http.request({ method: 'GET', path, isRepeatable: true })
      return status === 404 ? [] : eventsProvenBy(emailId, answerOf(emailForm, json), Date.now())
    },
    sending: sendingThrough(http),
    webhooks: webhooksThrough(http),
    history: historyThrough(http),
    suppressionLists: suppressionListsThrough(http),
  }
}

const sendingThrough = (http: ProviderHttp): Sending => ({
  idempotencyWindowMs,

  async send({ from, to, subject, html, text, headers, ...email }, idempotencyKey) {
    const tags = tagsOf(email)
    const request = http.request({
      method: 'POST',
      path: '/emails',
      headers: { 'idempotency-key': idempotencyKey },
      body: {
        ...{ from, to, subject },
        ...(html !== null && { html }),
        ...(text !== null && { text }),
        ...(Object.keys(headers).length > 0 && { headers }),
        ...(tags.length > 0 && { tags }),
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

/** Resend takes 75 tags (resend.com/docs/dashboard/emails/tags). */
const tagLimit = 75

type Tag = { readonly name: string; readonly value: string }

/**
 * Tags are Resend's only custom fields, so the external ID and metadata become tags. Left out is what Resend's tags cannot hold, since an
 * altered value would find nothing.
 */
function tagsOf({ tags, externalId, metadata }: Pick<OutgoingEmail, 'tags' | 'externalId' | 'metadata'>): Tag[] {
  const pairs = Object.entries(metadata ?? {}).map(([key, value]) => ({ name: metadataTagPrefix + key, value }))
  const own = externalId ? [{ name: 'external_id', value: externalId }, ...pairs] : pairs
  return [...tags.map(tagOf), ...own.filter(fitsTag)].slice(0, tagLimit)
}

const fitsTag = ({ name, value }: Tag): boolean => [name, value].every((text) => /^[\w-]{1,256}$/.test(text))

/** Resend's tags are pairs of ASCII letters, digits, `_` and `-`. A tag without a value gets `true`. */
function tagOf(tag: string): Tag {
  const [name = '', ...value] = tag.split(':')
  return { name: tagText(name), value: tagText(value.join(':') || 'true') }
}

const tagText = (text: string): string => text.replace(/[^\w-]/g, '_').slice(0, 256)
