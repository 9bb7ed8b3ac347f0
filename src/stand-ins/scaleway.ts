/**
 * Scaleway's side: its API by its OpenAPI document (scaleway.com/en/developers/api/transactional-email, v1alpha1) with one domain and, unless it
 * is left out, its webhook; and the notifications of a topic about the same events.
 */
import { randomUUID } from 'node:crypto'
import type { SuppressionReason } from '../domain/suppression.ts'
import { scalewayEntry } from '../providers/scaleway/entry.ts'
import { jsonOf, type RecordedEmail, type RecordedEvent, recordEvents } from './recorded-events.ts'
import { type StandInAnswer, type StandInRequest, type StandInServer, startStandInServer } from './server.ts'
import type { ProviderStandIn, StandInOptions } from './stand-in.ts'

interface Blocked {
  readonly id: string
  readonly email: string
  readonly type: string
  readonly created_at: string
  readonly ends_at: string | null
  readonly custom: boolean
}

export interface ScalewayStandIn extends ProviderStandIn {
  readonly requests: StandInServer['requests']
  /** As Scaleway does after a bounce, for 48 hours. */
  blockForAWhile(address: string): void
  /** The types of events that the webhook sends. Null: the domain has no webhook. Default: all. */
  setWebhookEvents(types: readonly string[] | null): void
}

const [domainId, projectId, webhookId] = [
  'd0a1b2c3-0000-4000-8000-000000000001',
  'e0a1b2c3-0000-4000-8000-000000000002',
  'f0a1b2c3-0000-4000-8000-000000000003',
]

const allEvents = ['queued', 'dropped', 'deferred', 'delivered', 'spam', 'mailbox_not_found', 'blocklisted'].map(
  (type) => `email_${type}`,
)

const timeOf = (at: number): string => new Date(at).toISOString()
const ok = (body: unknown, status = 200): StandInAnswer => ({ status, body })

export async function startScalewayStandIn(options: StandInOptions = {}): Promise<ScalewayStandIn> {
  const { clock = Date.now, port } = options
  const { apiKey = 'b0a1b2c3-0000-4000-8000-000000000004' } = options
  const { emails, byTime, addEmail, addEvent, webhooks } = recordEvents(scalewayEntry, options)
  const blocked: Blocked[] = []
  let webhookEvents: readonly string[] | null = allEvents
  const server = await startStandInServer({
    clock,
    ...(port !== undefined && { port }),
    isAuthorized: ({ headers }) => headers['x-auth-token'] === apiKey,
    answer: (request) => answerTo(request),
  })
  const block = (email: string, more: Partial<Blocked>) =>
    blocked.push({
      ...{ id: randomUUID(), email, type: 'mailbox_not_found', created_at: timeOf(clock()) },
      ...{ ends_at: null, custom: false, ...more },
    })
  const visible = (events: readonly RecordedEvent[]) => events.filter(({ at }) => server.isVisible(at))

  function answerTo(request: StandInRequest): StandInAnswer {
    const { method, query, body } = request
    const path = request.path.replace('/transactional-email/v1alpha1/regions/fr-par', '')
    const [, kind = '', id, below] = /^\/(\w+)(?:\/([^/]+))?(\/events)?$/.exec(path) ?? []
    if (method === 'POST' && path === '/blocklists') {
      const { emails, type } = JSON.parse(body) as { emails: string[]; type: string }
      for (const email of emails) block(email, { type, custom: true })
      return ok({ blocklists: [] })
    }
    if (method === 'DELETE' && kind === 'blocklists') {
      const index = blocked.findIndex((entry) => entry.id === id)
      if (index < 0) return ok({ type: 'not_found' }, 404)
      blocked.splice(index, 1)
      return ok('', 204)
    }
    if (kind === 'webhooks') return below ? logAnswer(id, query) : webhooksAnswer()
    if (kind === 'domains') return ok({ total_count: 1, domains: [{ id: domainId, status: 'checked' }] })
    if (kind === 'blocklists') return pageOf('blocklists', query, blocklistFor(query))
    const email = emails.get(id ?? '')
    if (kind === 'emails' && id !== undefined) return email ? ok(recordOf(email)) : ok({ type: 'not_found' }, 404)
    return kind === 'emails' ? pageOf('emails', query, emailsIn(query)) : ok({ type: 'not_found' }, 404)
  }

  const webhooksAnswer = (): StandInAnswer => {
    const webhook = { id: webhookId, domain_id: domainId, project_id: projectId, event_types: webhookEvents }
    return ok({ webhooks: webhookEvents === null ? [] : [{ ...webhook, created_at: '2024-01-01T00:00:00Z' }] })
  }

  const blocklistFor = (query: URLSearchParams): readonly Blocked[] =>
    query.get('domain_id') === domainId ? blocked.filter(({ email }) => (query.get('email') ?? email) === email) : []

  function logAnswer(id: string | undefined, query: URLSearchParams): StandInAnswer {
    if (id !== webhookId || webhookEvents === null) return ok({ type: 'not_found' }, 404)
    const asked = query.get('email_id')
    const logged = visible(byTime())
      .map((event) => ({ ...event, ...jsonOf(event) }))
      .filter(({ email, type }) => (asked ?? email.emailId) === email.emailId && webhookEvents?.includes(type))
      .toReversed()
    const entryOf = ({ at, id, type, body, email }: (typeof logged)[number]) => ({
      ...{ id, webhook_id: webhookId, type, status: 'sent', data: body },
      ...{ created_at: timeOf(at), email_id: email.emailId },
    })
    return pageOf('webhook_events', query, logged, entryOf)
  }

  function emailsIn(query: URLSearchParams): object[] {
    const [since, until] = [query.get('since') ?? timeOf(0), query.get('until') ?? timeOf(clock())].map(Date.parse)
    return [...emails.values()]
      .filter(({ sentAt }) => sentAt > (since ?? 0) && sentAt < (until ?? 0))
      .toSorted((one, other) => one.sentAt - other.sentAt)
      .map(recordOf)
  }

  function recordOf({ emailId: id, to, subject, sentAt, events }: RecordedEmail): object {
    const tries = visible(events)
      .filter(({ event }) => event.type !== 'queued')
      .toSorted((one, other) => one.at - other.at)
    const last = tries.at(-1)
    return {
      ...{ id, message_id: null, project_id: projectId, mail_from: 'hello@example.com', mail_rcpt: to[0] },
      ...{ subject, created_at: timeOf(sentAt), updated_at: timeOf(last?.at ?? sentAt), flags: [] },
      status: statusOf(last),
      try_count: tries.length,
      last_tries: tries.slice(-3).map((event, index) => {
        const { email_response_code: code = 0, email_response_message: message = '' } = jsonOf(event)
        return { rank: index + 1, tried_at: timeOf(event.at), code, message }
      }),
    }
  }

  return {
    ...{ apiUrl: server.apiUrl, apiKey, requests: server.requests },
    ...{ addEmail, addEvent, webhooks },
    suppress: (address, reason: SuppressionReason) => block(address, { custom: reason === 'manual' }),
    blockForAWhile: (address) => block(address, { ends_at: timeOf(clock() + 48 * 3_600_000) }),
    setWebhookEvents(types) {
      webhookEvents = types
    },
    ...{ setFaults: server.setFaults, requestCount: server.requestCount, close: server.close },
  }
}

function statusOf(last: RecordedEvent | undefined): string {
  if (last === undefined) return 'new'
  if (last.event.bounce === null) return 'sent'
  return last.event.bounce.isOver ? 'failed' : 'sending'
}

function pageOf<T>(
  name: string,
  query: URLSearchParams,
  found: readonly T[],
  written: (one: T) => unknown = (one) => one,
) {
  const [page, size] = [Number(query.get('page') ?? 1), Number(query.get('page_size') ?? 20)]
  if (!(page >= 1 && size >= 1 && size <= 100)) return ok({ type: 'invalid_arguments' }, 400)
  return ok({ total_count: found.length, [name]: found.slice((page - 1) * size, page * size).map(written) })
}
