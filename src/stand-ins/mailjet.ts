/**
 * A stand-in for Mailjet: `message` and `messagehistory` of its REST API by mailjet/api-documentation (guides/_getting-started2.md, _api-overview.md)
 * and the types of node-mailjet 6.0.11 (declarations/types/api/Message.d.ts).
 */
import { secondsText } from '../providers/fields.ts'
import { mailjetEntry } from '../providers/mailjet/entry.ts'
import { type RecordedEmail, type RecordedEvent, recordEvents } from './recorded-events.ts'
import { type StandInAnswer, type StandInRequest, type StandInServer, startStandInServer } from './server.ts'
import type { ProviderStandIn, StandInOptions } from './stand-in.ts'

export interface MailjetStandIn extends ProviderStandIn {
  readonly requests: StandInServer['requests']
  /** How each message, and each step of its history, differs from what is documented. Default: not at all. */
  setEntryChange(change: (entry: object) => object): void
}

interface Truth {
  readonly emails: ReadonlyMap<string, RecordedEmail>
  readonly clock: () => number
  readonly isVisible: (event: RecordedEvent) => boolean
  entryChange: (entry: object) => object
}

export async function startMailjetStandIn(options: StandInOptions = {}): Promise<MailjetStandIn> {
  const { clock = Date.now, port = 0, apiKey: given = 'key-of-the-stand-in' } = options
  const apiKey = given.includes(':') ? given : `${given}:secret`
  const { emails, addEmail, addEvent, webhooks } = recordEvents(mailjetEntry, options)
  const truth: Truth = {
    ...{ emails, clock, entryChange: (entry: object) => entry },
    isVisible: ({ at }) => server.isVisible(at),
  }
  const expected = `Basic ${Buffer.from(apiKey).toString('base64')}`
  const server = await startStandInServer({
    ...{ clock, port },
    isAuthorized: ({ headers }) => headers.authorization === expected,
    refusal: refusalOf(401),
    answer: (request) => answerTo(request, truth),
  })
  return {
    ...{ apiUrl: server.apiUrl, apiKey, requests: server.requests },
    ...{ addEmail, addEvent, webhooks },
    suppress() {},
    setEntryChange(change) {
      truth.entryChange = change
    },
    setFaults: server.setFaults,
    requestCount: server.requestCount,
    close: server.close,
  }
}

const refusalOf = (status: number): StandInAnswer => ({
  status,
  body: { ErrorInfo: '', ErrorMessage: 'refused', StatusCode: status },
})

const base = '/v3/REST'

function answerTo({ method, path, query }: StandInRequest, truth: Truth): StandInAnswer {
  if (method !== 'GET') return refusalOf(405)
  if (path === `${base}/message`) return listAnswer(query, truth)
  const [, resource, id = ''] = /^\/v3\/REST\/(message|messagehistory)\/(.+)$/.exec(path) ?? []
  if (resource === undefined || !/^\d+$/.test(id)) return refusalOf(400)
  const email = truth.emails.get(id)
  if (!email) return refusalOf(404)
  const entries = resource === 'message' ? [messageOf(email, query, truth)] : historyOf(email, truth)
  return answerWith(entries, truth)
}

/** The IDs are numbers of 64 bits, which JSON in JavaScript rounds. */
function answerWith(entries: readonly object[], { entryChange }: Truth): StandInAnswer {
  const text = JSON.stringify({ Count: entries.length, Data: entries.map(entryChange), Total: entries.length })
  return { status: 200, body: '', text: text.replace(/"ID":"(\d+)"/g, '"ID":$1') }
}

function listAnswer(query: URLSearchParams, truth: Truth): StandInAnswer {
  const [from, to] = ['FromTS', 'ToTS'].map((name) => Date.parse(query.get(name) ?? ''))
  const [limit, offset] = [Number(query.get('Limit') ?? 10), Number(query.get('Offset') ?? 0)]
  if (limit > 1_000 || query.get('Sort') !== 'ArrivedAt ASC' || !from || !to) return refusalOf(400)
  const found = [...truth.emails.values()]
    .filter(({ sentAt }) => sentAt >= from && sentAt <= to)
    .sort((one, other) => one.sentAt - other.sentAt)
  const page = found.slice(offset, offset + limit)
  return answerWith(
    page.map((email) => messageOf(email, query, truth)),
    truth,
  )
}

function messageOf(email: RecordedEmail, query: URLSearchParams, truth: Truth) {
  const last = postedAbout(email, truth).at(-1)
  const ifShown = (name: string, value: string) => (query.get(name) === 'true' ? value : '')
  return {
    ...{ ID: email.emailId, UUID: '1ab23cd4-e567-8901-2345-6789f0gh1i2j', MessageSize: 2_048, AttemptCount: 1 },
    ArrivedAt: secondsText(email.sentAt),
    Status: last ? (words[last.event] ?? last.event) : 'queued',
    StatePermanent: last?.hard_bounce ?? false,
    ContactAlt: ifShown('ShowContactAlt', email.to[0] ?? ''),
    Subject: ifShown('ShowSubject', email.subject),
    CustomID: ifShown('ShowCustomID', ''),
  }
}

/** The JSON of a webhook. */
interface Posted {
  readonly event: string
  readonly time: number
  readonly hard_bounce?: boolean
  readonly error?: string
  readonly comment?: string
  readonly agent?: string
}

const words: Readonly<Record<string, string>> = { open: 'opened', click: 'clicked', bounce: 'bounced' }

const historyOf = (email: RecordedEmail, truth: Truth): object[] =>
  postedAbout(email, truth).map(({ event, time, error = '', comment = '', agent = '' }) => ({
    ...{ EventAt: time, EventType: words[event] ?? event, State: error, Comment: comment },
    ...{ Useragent: agent, UseragentID: 0 },
  }))

const postedAbout = ({ events }: RecordedEmail, { isVisible }: Truth): Posted[] =>
  events
    .filter(isVisible)
    .flatMap(({ body }): Posted[] => JSON.parse(body))
    .sort((one, other) => one.time - other.time)
