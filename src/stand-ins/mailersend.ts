/**
 * MailerSend's side: messages, activities and suppression lists as developers.mailersend.com/api/v1 documents and mailersend/mailersend-java has
 * recorded them, of one domain, and the webhooks of version 1 about the same activities.
 */
import type { SuppressionReason } from '../domain/suppression.ts'
import { mailersendEntry } from '../providers/mailersend/entry.ts'
import { jsonOf, type RecordedEmail, type RecordedEvent, recordEvents } from './recorded-events.ts'
import { type StandInAnswer, type StandInRequest, type StandInServer, startStandInServer } from './server.ts'
import type { ProviderStandIn, StandInOptions } from './stand-in.ts'

export interface MailersendStandIn extends ProviderStandIn {
  readonly requests: StandInServer['requests']
  /** For how long activities are kept, by the plan. Default: 30 days. */
  setRetention(ms: number): void
}

const domainId = '7z3m5jgrogdpyo6n'

const listOf: Readonly<Record<SuppressionReason, string>> = {
  hard_bounce: 'hard-bounces',
  repeated_soft_bounces: 'on-hold-list',
  complaint: 'spam-complaints',
  manual: 'blocklist',
}

const ok = (body: unknown): StandInAnswer => ({ status: 200, body })
const unknown: StandInAnswer = { status: 404, body: { message: 'Resource not found.' } }
const invalid: StandInAnswer = { status: 422, body: { message: 'The given data was invalid.', errors: {} } }
const timeOf = (at: number): string => new Date(at).toISOString()

export async function startMailersendStandIn(options: StandInOptions = {}): Promise<MailersendStandIn> {
  const { clock = Date.now, port } = options
  const { apiKey = 'token-of-the-stand-in' } = options
  const { emails, byTime, addEmail, addEvent, webhooks } = recordEvents(mailersendEntry, options)
  const lists = new Map<string, object[]>()
  let retainedMs = 30 * 24 * 3_600_000
  const server = await startStandInServer({
    clock,
    ...(port !== undefined && { port }),
    isAuthorized: ({ headers }) => headers.authorization === `Bearer ${apiKey}`,
    refusal: { status: 401, body: { message: 'Unauthenticated.' } },
    answer: (request) => answerTo(request),
  })
  /** With what the webhook about each says. */
  const visible = (events: readonly RecordedEvent[]): Activity[] =>
    events.filter(({ at }) => server.isVisible(at)).map((event) => ({ at: event.at, json: jsonOf(event) }))

  function answerTo({ path, query }: StandInRequest): StandInAnswer {
    const [, kind, id = ''] = /^\/v1\/(messages|activity|suppressions)\/([^/]+)$/.exec(path) ?? []
    if (kind === 'messages') return messageAnswer(emails.get(id))
    if (kind === 'activity' && id === domainId) return activityAnswer(query)
    return kind === 'suppressions' ? pageOf(query, lists.get(id) ?? []) : unknown
  }

  function messageAnswer(email: RecordedEmail | undefined): StandInAnswer {
    if (email === undefined) return unknown
    const created_at = timeOf(email.sentAt)
    const last = new Map(
      visible(email.events)
        .filter(({ json }) => steps.includes(json.data.type))
        // An email that has ended is not `sent` any more.
        .toSorted((one, other) => Number(isEnd(one)) - Number(isEnd(other)) || one.at - other.at)
        .map((event) => [event.json.data.email.id, event]),
    )
    const recipients = [...last.values()].map(({ json, at }) => ({
      ...{ id: json.data.email.id, from: 'hello@example.com', subject: email.subject, text: null, html: null },
      ...{ status: statusOf(json.data.type), tags: [], created_at, updated_at: timeOf(at) },
    }))
    return ok({
      data: { id: email.emailId, created_at, updated_at: created_at, emails: recipients, domain: { id: domainId } },
    })
  }

  function activityAnswer(query: URLSearchParams): StandInAnswer {
    const [from, to] = ['date_from', 'date_to'].map((name) => Number(query.get(name) ?? Number.NaN) * 1_000)
    const isValid = from !== undefined && to !== undefined && from < to && from >= clock() - retainedMs
    if (!isValid) return invalid
    const types = query.getAll('event[]')
    const found = visible(byTime())
      .filter(({ at, json }) => at >= from && at <= to && types.includes(filterOf(json.data.type)))
      .toSorted((one, other) => other.at - one.at)
    return pageOf(query, found, ({ json }) => {
      const { message, ...email } = json.data.email
      const { id, type, created_at } = json.data
      return { id, created_at, updated_at: created_at, type: filterOf(type), email: { ...email, text: null } }
    })
  }

  return {
    ...{ apiUrl: server.apiUrl, apiKey, requests: server.requests },
    ...{ addEmail, addEvent, webhooks },
    suppress(email, reason) {
      const name = listOf[reason]
      const listed =
        name === 'blocklist'
          ? { type: email.includes('*') ? 'pattern' : 'exact', pattern: email }
          : { recipient: { email } }
      lists.set(name, [...(lists.get(name) ?? []), { id: '1', ...listed, created_at: timeOf(clock()) }])
    },
    setRetention(ms) {
      retainedMs = ms
    },
    ...{ setFaults: server.setFaults, requestCount: server.requestCount, close: server.close },
  }
}

interface Activity {
  readonly at: number
  readonly json: ReturnType<typeof jsonOf>
}

const steps = ['sent', 'delivered', 'soft_bounced', 'hard_bounced']
const isEnd = ({ json }: Activity): boolean => json.data.type !== 'sent'

const statusOf = (type: string): string => (type.endsWith('bounced') ? 'rejected' : type)

/** The word by which activities are filtered. */
const filterOf = (type: string): string => (type === 'spam_complaint' ? 'spam_complaints' : type)

function pageOf<T>(
  query: URLSearchParams,
  found: readonly T[],
  written: (one: T) => unknown = (one) => one,
): StandInAnswer {
  const [page, limit] = [Number(query.get('page') ?? 1), Number(query.get('limit') ?? 25)]
  if (!(page >= 1 && limit >= 10 && limit <= 100)) return invalid
  const data = found.slice((page - 1) * limit, page * limit).map(written)
  const next = page * limit < found.length ? `https://api.mailersend.com/v1?page=${page + 1}` : null
  return ok({
    data,
    links: { first: null, last: null, prev: null, next },
    meta: { current_page: page, per_page: limit },
  })
}
