/**
 * A stand-in for Resend: its API by the OpenAPI document (github.com/resend/resend-openapi, 1.5.0), the logs of webhooks by
 * resend.com/docs/api-reference/webhooks (September 2026), and its webhooks.
 */
import { randomUUID } from 'node:crypto'
import type { SuppressionReason } from '../domain/suppression.ts'
import { resendEmailEvents } from '../providers/resend/api.ts'
import { resendFormat } from '../providers/resend/sample.ts'
import { resendProof } from '../providers/resend/webhook.ts'
import type { SignedRequest } from '../providers/sample.ts'
import { changeResendList } from './list-changes.ts'
import { type StandInAnswer, type StandInRequest, startStandInServer } from './server.ts'
import {
  engagementOf,
  type ProviderStandIn,
  type StandInEmail,
  type StandInEvent,
  type StandInOptions,
} from './stand-in.ts'

interface ResendWebhook {
  readonly id: string
  readonly events: readonly string[]
  readonly status: 'enabled' | 'disabled'
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** The account's webhook unless a test sets others. */
export const completeWebhook: ResendWebhook = {
  id: '4dd369bc-aa82-4ff3-97de-514ae3000ee0',
  events: resendEmailEvents,
  status: 'enabled',
  createdAt: Date.UTC(2024, 0, 1),
}

export interface ResendStandIn extends ProviderStandIn {
  readonly requests: readonly StandInRequest[]
  readonly webhookSecret: string
  setWebhooks(webhooks: readonly ResendWebhook[]): void
}

/** An event as Resend has recorded it. */
interface Recorded {
  readonly id: string
  /** `email.delivered` */
  readonly type: string
  readonly at: number
  readonly body: string
}

interface Email extends StandInEmail {
  readonly addedAt: number
  /** By their times. */
  readonly events: Recorded[]
}

const [defaultLimit, largestLimit] = [20, 100]

export async function startResendStandIn(options: StandInOptions = {}): Promise<ResendStandIn> {
  const { clock = Date.now, webhookSecret = resendProof.generateSecret().signing } = options
  const { apiKey = `re_${randomUUID()}` } = options
  const account = new Account((at) => server.isVisible(at))
  const server = await startStandInServer({
    clock,
    port: options.port ?? 0,
    isAuthorized: ({ headers }) => headers.authorization === `Bearer ${apiKey}`,
    refusal: failure(403, 'invalid_api_key'),
    answer: (request) => account.answer(request),
  })
  const sign = (body: string): SignedRequest => resendProof.sign(body, webhookSecret, clock())

  return {
    ...{ apiUrl: server.apiUrl, apiKey, webhookSecret, requests: server.requests },
    addEmail: (email) => account.add(email, email.sentAt ?? clock()),
    addEvent(emailId, event) {
      const body = bodyOf(account.email(emailId), event)
      const id = sign(body).headers['svix-id'] ?? ''
      account.record(emailId, { id, type: JSON.parse(body).type, at: event.at, body })
      return [() => sign(body)]
    },
    suppress(address, reason) {
      const origin = originOf[reason]
      account.suppressed.push({
        id: randomUUID(),
        email: address,
        origin,
        source_id: null,
        created_at: textOf(clock()),
      })
    },
    webhooks: () => account.recorded.map(({ body }) => sign(body)),
    setWebhooks(webhooks) {
      account.webhooks = webhooks
    },
    setFaults: server.setFaults,
    requestCount: server.requestCount,
    close: server.close,
  }
}

/** What Resend knows, and how its API answers. */
class Account {
  readonly recorded: Recorded[] = []
  readonly suppressed: { readonly id: string; readonly [field: string]: unknown }[] = []
  webhooks: readonly ResendWebhook[] = [completeWebhook]
  readonly #emails = new Map<string, Email>()
  readonly #recordedById = new Map<string, Recorded>()
  readonly #isVisible: (at: number) => boolean

  constructor(isVisible: (at: number) => boolean) {
    this.#isVisible = isVisible
  }

  add(email: StandInEmail, addedAt: number): void {
    this.#emails.set(email.emailId, { ...email, addedAt, events: [] })
  }

  email(emailId: string): Email {
    const email = this.#emails.get(emailId)
    if (email === undefined) throw new Error(`the email ${emailId} was not added`)
    return email
  }

  record(emailId: string, event: Recorded): void {
    this.recorded.push(event)
    this.#recordedById.set(event.id, event)
    const { events } = this.email(emailId)
    events.push(event)
    events.sort((a, b) => a.at - b.at)
  }

  answer(request: StandInRequest): StandInAnswer {
    const { method, path, query } = request
    const changed = changeResendList(request, this.suppressed, textOf(Date.now()))
    if (changed) return changed
    const [collection, id] = path.slice(1).split('/')
    if (method !== 'GET') return failure(405, 'method_not_allowed')
    if (collection === 'suppressions') return page(this.suppressed.toReversed(), query)
    if (collection === 'webhooks')
      return id === undefined ? page(this.webhooks.map(webhookOf), query) : this.#logged(path, query)
    if (collection !== 'emails') return failure(404, 'not_found')
    if (id !== undefined) return one(this.#emails.has(id) && this.#answerAbout(this.email(id)))
    const newestFirst = [...this.#emails.values()].toReversed().toSorted((a, b) => createdAt(b) - createdAt(a))
    return page(
      newestFirst.map((email) => this.#answerAbout(email)),
      query,
    )
  }

  /** `/webhooks/{id}/events` and `/webhooks/{id}/events/{event}` */
  #logged(path: string, query: URLSearchParams): StandInAnswer {
    const [, , id, part, eventId] = path.split('/')
    const webhook = this.webhooks.find((each) => each.id === id)
    if (webhook === undefined || part !== 'events') return failure(404, 'not_found')
    const isLogged = ({ type, at }: Recorded) =>
      webhook.events.includes(type) && at >= webhook.createdAt && this.#isVisible(at)
    if (eventId === undefined) {
      const log = this.recorded.filter(isLogged).toReversed()
      return page(log.toSorted((a, b) => b.at - a.at).map(entryOf), query)
    }
    const event = this.#recordedById.get(eventId)
    return one(event !== undefined && isLogged(event) && eventOf(event))
  }

  #answerAbout(email: Email) {
    const last = email.events.findLast(({ at }) => this.#isVisible(at))
    const { bounce } = last ? JSON.parse(last.body).data : {}
    return {
      ...{ object: 'email', id: email.emailId, to: email.to, from: 'Acme <hello@example.com>', subject: email.subject },
      ...{ cc: [], bcc: [], reply_to: [], created_at: textOf(createdAt(email)) },
      last_event: last?.type.slice('email.'.length) ?? 'queued',
      ...(bounce && { bounce }),
    }
  }
}

/** The history of an email may begin before it is added here. */
const createdAt = ({ events, addedAt }: Email): number => Math.min(events[0]?.at ?? addedAt, addedAt)

/** Resend puts nothing but manual entries on the list for any other reason. */
const originOf: Record<SuppressionReason, string> = {
  hard_bounce: 'bounce',
  complaint: 'complaint',
  repeated_soft_bounces: 'manual',
  manual: 'manual',
}

/** Each event is about one recipient and names no other (resend.com/changelog/webhook-event-visibility). */
function bodyOf({ emailId, to, subject }: StandInEmail, given: StandInEvent): string {
  const { type, recipient, at, bounce = null } = given
  const event = { id: '', type, recipient, bounce, engagement: engagementOf(given), at: new Date(at) }
  return resendFormat.bodyOf([event], { id: emailId, to: recipient === null ? to : [recipient], subject, tags: [] })
}

const webhookOf = ({ id, events, status, createdAt }: ResendWebhook) => ({
  ...{ id, events, status, endpoint: 'https://mail.example.com/webhooks/resend' },
  created_at: textOf(createdAt),
})

const entryOf = ({ id, type, at }: Recorded) => ({ id, type, created_at: textOf(at), status: 'success' })

const eventOf = (event: Recorded) => ({
  ...{ object: 'webhook_event', ...entryOf(event), next_attempt_at: null },
  payload: JSON.parse(event.body) as unknown,
})

/** As Resend writes most times: `2023-10-06 23:47:56.678+00`. */
const textOf = (at: number): string => new Date(at).toISOString().replace('T', ' ').replace('Z', '+00')

const one = (object: object | false): StandInAnswer =>
  object === false ? failure(404, 'not_found') : { status: 200, body: object }

function page(entries: readonly { readonly id: string }[], query: URLSearchParams): StandInAnswer {
  const limit = Number(query.get('limit') ?? defaultLimit)
  const after = query.get('after')
  const start = after === null ? 0 : entries.findIndex(({ id }) => id === after) + 1
  const isValid = limit >= 1 && limit <= largestLimit && (after === null || start > 0)
  if (!isValid) return failure(422, 'validation_error')
  const data = entries.slice(start, start + limit)
  return { status: 200, body: { object: 'list', has_more: start + limit < entries.length, data } }
}

function failure(status: number, name: string): StandInAnswer {
  return { status, body: { statusCode: status, name, message: 'from the stand-in' } }
}
