/**
 * Lettermint's side: its Team API as docs.lettermint.co/api-reference/team documents and lettermint/lettermint-node types it, and signed webhooks
 * about the same events.
 */
import { randomUUID } from 'node:crypto'
import type { SuppressionReason } from '../domain/suppression.ts'
import { lettermintEntry } from '../providers/lettermint/entry.ts'
import { jsonOf, type RecordedEmail, recordEvents } from './recorded-events.ts'
import { type StandInAnswer, type StandInRequest, type StandInServer, startStandInServer } from './server.ts'
import type { ProviderStandIn, StandInOptions } from './stand-in.ts'

export interface LettermintStandIn extends ProviderStandIn {
  readonly requests: StandInServer['requests']
  /** Another entry of the suppression list. */
  list(entry: { readonly value: string; readonly reason: string; readonly scope: string; readonly type?: string }): void
}

const reasonOf: Readonly<Record<SuppressionReason, string>> = {
  hard_bounce: 'hard_bounce',
  repeated_soft_bounces: 'manual',
  complaint: 'spam_complaint',
  manual: 'manual',
}

/** Longer pages are cut: the maximum is not documented, and this is the default. */
const longestPage = 30

const dayMs = 24 * 3_600_000
const timeOf = (at: number): string => new Date(at).toISOString()
const ok = (body: unknown, status = 200): StandInAnswer => ({ status, body })
const unknown: StandInAnswer = { status: 404, body: { message: 'Not found' } }

export async function startLettermintStandIn(options: StandInOptions = {}): Promise<LettermintStandIn> {
  const { clock = Date.now, port } = options
  const { apiKey = 'lm_team_0123456789abcdef' } = options
  const { emails, addEmail, addEvent, webhooks } = recordEvents(lettermintEntry, options)
  const listed: { id: string; value: string }[] = []
  const server = await startStandInServer({
    clock,
    ...(port !== undefined && { port }),
    isAuthorized: ({ headers }) => headers.authorization === `Bearer ${apiKey}`,
    answer: (request) => answerTo(request),
  })
  const list: LettermintStandIn['list'] = (entry) =>
    listed.push({ ...{ id: randomUUID(), type: 'email', created_at: timeOf(clock()) }, ...entry })

  function answerTo(request: StandInRequest): StandInAnswer {
    const { path, query } = request
    const [, kind, id, below] = /^\/v1\/(messages|suppressions)(?:\/([^/]+))?(\/events)?$/.exec(path) ?? []
    if (kind === 'suppressions') return suppressionsAnswer(request, id)
    if (kind !== 'messages') return unknown
    if (id === undefined) return pageOf(query, messagesIn(query))
    const email = emails.get(id)
    if (email === undefined) return unknown
    return below ? pageOf(query, eventsOf(email)) : ok(messageOf(email))
  }

  function suppressionsAnswer({ method, query, body }: StandInRequest, id: string | undefined): StandInAnswer {
    if (method === 'POST') {
      const { emails, ...facts } = JSON.parse(body) as { emails: string[]; reason: string; scope: string }
      const created = emails.filter((email) => !listed.some(({ value }) => value === email))
      for (const value of created) list({ value, ...facts })
      return ok({ message: '', data: { created, skipped: emails.filter((email) => !created.includes(email)) } }, 201)
    }
    if (method === 'DELETE') {
      const index = listed.findIndex((entry) => entry.id === id)
      if (index < 0) return unknown
      listed.splice(index, 1)
      return ok({ message: 'Email removed from suppression list successfully.' })
    }
    const sought = query.get('filter[value]') ?? ''
    return pageOf(
      query,
      listed.filter(({ value }) => value.includes(sought)),
    )
  }

  /** The filters are days. */
  function messagesIn(query: URLSearchParams): object[] {
    const [from, to] = ['from_date', 'to_date'].map((name) => Date.parse(query.get(`filter[${name}]`) ?? ''))
    return [...emails.values()]
      .filter(({ sentAt }) => sentAt >= (from ?? 0) && sentAt < (to ?? 0) + dayMs && server.isVisible(sentAt))
      .toSorted((one, other) => other.sentAt - one.sentAt)
      .map(messageOf)
  }

  const eventsOf = (email: RecordedEmail): object[] =>
    email.events
      .filter(({ at }) => server.isVisible(at))
      .toSorted((one, other) => one.at - other.at)
      .map((event) => ({
        ...{
          message_id: email.emailId,
          event: wordOf(jsonOf(event).event),
          metadata: null,
          timestamp: timeOf(event.at),
        },
      }))

  return {
    ...{ apiUrl: server.apiUrl, apiKey, requests: server.requests, list },
    ...{ addEmail, addEvent, webhooks },
    suppress: (value, reason) => list({ value, reason: reasonOf[reason], scope: 'team' }),
    ...{ setFaults: server.setFaults, requestCount: server.requestCount, close: server.close },
  }
}

const messageOf = ({ emailId: id, to, subject, sentAt }: RecordedEmail) => ({
  ...{ id, type: 'outbound', status: 'processed', from_email: 'hello@example.com', from_name: null, subject },
  ...{ to: to.map((email) => ({ email, name: null })), cc: null, bcc: null, reply_to: null, tag: null },
  ...{ metadata: null, created_at: timeOf(sentAt) },
})

/** The API's word for a webhook's event. */
function wordOf(event: string): string {
  const word = event.replace('message.', '')
  return word === 'created' ? 'queued' : word === 'sent' ? 'processed' : word
}

/** The cursor is the place of the next entry. */
function pageOf(query: URLSearchParams, found: readonly object[]): StandInAnswer {
  const begin = Number(query.get('page[cursor]') ?? 0)
  const size = Math.min(longestPage, Number(query.get('page[size]') ?? longestPage))
  const next = begin + size < found.length ? String(begin + size) : null
  return ok({ data: found.slice(begin, begin + size), path: null, per_page: size, next_cursor: next })
}
