/**
 * Mailgun as its OpenAPI document (github.com/mailgun/mailgun-mcp-server, src/openapi.yaml, 3.0.0 of 2026-07-09) and its manual describe
 * it: the logs of an account, the suppression lists of one domain, and signed webhooks about the same events.
 */
import { z } from 'zod'
import { mailgunEntry } from '../providers/mailgun/entry.ts'
import { mailgunFormat, signMailgun } from '../providers/mailgun/sample.ts'
import type { DatedSampleEvent, SampleEmail, SignedRequest } from '../providers/sample.ts'
import { changeMailgunLists } from './list-changes.ts'
import { ascending, byPlace, descending, type Place } from './ordered-events.ts'
import { type StandInAnswer, type StandInRequest, type StandInServer, startStandInServer } from './server.ts'
import { engagementOf, type ProviderStandIn, type StandInEvent, type StandInOptions } from './stand-in.ts'

/** The domain that all emails of the stand-in are sent from. */
export const standInDomain = 'mg.example.com'

export interface MailgunStandIn extends ProviderStandIn {
  readonly requests: StandInServer['requests']
  /** The recipient does not want emails with these tags, but all others. */
  unsubscribeFromTags(address: string, tags: readonly string[]): void
  /** How the log entry of each event differs from what Mailgun documents. Default: not at all. */
  setEntryChange(change: (entry: object) => object): void
}

interface Truth {
  readonly emails: Map<string, SampleEmail>
  /** In the order in which they were added. */
  readonly events: StoredEvent[]
  /** The same by their time; null since one was added. Sorting 200,000 for each page of a hundred would be slower than Mailgun is. */
  byTime: readonly StoredEvent[] | null
  readonly lists: Readonly<Record<string, Map<string, object>>>
  readonly clock: () => number
  readonly isVisible: (at: number) => boolean
  entryChange: (entry: object) => object
}

interface StoredEvent {
  readonly number: number
  readonly at: number
  /** The JSON of the webhook's `event-data`. */
  readonly data: string
  /** The same in the logs. */
  readonly entry: ReturnType<typeof entryOf>
}

/** For how long the account's plan keeps logs. */
const retainedMs = 30 * 24 * 3_600_000

export async function startMailgunStandIn(options: StandInOptions = {}): Promise<MailgunStandIn> {
  const { clock = Date.now, webhookSecret = mailgunEntry.generateSecret().signing, port } = options
  const { apiKey = 'key-of-the-stand-in' } = options
  const truth: Truth = {
    emails: new Map(),
    events: [],
    byTime: null,
    lists: { bounces: new Map(), complaints: new Map(), unsubscribes: new Map() },
    clock,
    isVisible: (at) => server.isVisible(at),
    entryChange: (entry) => entry,
  }
  const expected = `Basic ${Buffer.from(`api:${apiKey}`).toString('base64')}`
  const server = await startStandInServer({
    clock,
    ...(port !== undefined && { port }),
    isAuthorized: ({ headers }) => headers.authorization === expected,
    refusal: { status: 401, body: 'Forbidden' },
    answer: (request) => answerTo(request, truth),
  })
  const list = (name: string, address: string, facts: object) =>
    truth.lists[name]?.set(address, { address, ...facts, created_at: listTime(clock()) })
  const sign = (data: string): SignedRequest => signMailgun(data, webhookSecret, clock())
  return {
    apiUrl: server.apiUrl,
    apiKey,
    requests: server.requests,
    addEmail({ emailId, to, subject }) {
      truth.emails.set(emailId, { id: emailId, to, subject, tags: [] })
    },
    addEvent: (emailId, event) =>
      addEvent(truth, emailId, event).map(
        ({ data }) =>
          () =>
            sign(data),
      ),
    suppress(address, reason) {
      if (reason === 'complaint') list('complaints', address, {})
      else if (reason === 'manual') list('unsubscribes', address, { tags: ['*'] })
      else if (reason === 'hard_bounce') list('bounces', address, { code: '550', error: 'No such mailbox' })
      else throw new Error(`Mailgun has no list of ${reason}`)
    },
    unsubscribeFromTags: (address, tags) => list('unsubscribes', address, { tags }),
    setEntryChange(change) {
      truth.entryChange = change
    },
    webhooks: () => truth.events.map(({ data }) => sign(data)),
    setFaults: server.setFaults,
    requestCount: server.requestCount,
    close: server.close,
  }
}

function addEvent(truth: Truth, emailId: string, event: StandInEvent): readonly StoredEvent[] {
  const { type, recipient, at, bounce = null } = event
  const email = truth.emails.get(emailId)
  if (!email) throw new Error(`there is no email ${emailId}`)
  if (!mailgunEntry.eventTypes.includes(type)) throw new Error(`Mailgun has no event ${type}`)
  const sample: DatedSampleEvent = {
    id: `${emailId}/${truth.events.length}`,
    type,
    recipient,
    bounce,
    at: new Date(at),
    engagement: engagementOf(event),
  }
  const first = truth.events.length
  const added = mailgunFormat.adapt(sample, email).map((adapted, index) => {
    const data = mailgunFormat.bodyOf([adapted], email)
    return { number: first + index, at, data, entry: entryOf(data) }
  })
  truth.events.push(...added)
  truth.byTime = null
  return added
}

function answerTo(request: StandInRequest, truth: Truth): StandInAnswer {
  const { method, path, query, body } = request
  if (method === 'POST' && path === '/v1/analytics/logs') return logsAnswer(JSON.parse(body), truth)
  const [, domain, name = ''] = /^\/v3\/([^/]+)\/(bounces|complaints|unsubscribes)(?:\/.+)?$/.exec(path) ?? []
  const list = truth.lists[name]
  const changed = domain === standInDomain ? changeMailgunLists(request, truth.lists, listTime(truth.clock())) : null
  if (changed) return changed
  if (method !== 'GET' || !list) return { status: 404, body: { message: 'Not found' } }
  if (domain !== standInDomain) return { status: 404, body: { message: 'Domain not found' } }
  return listAnswer(list, `https://api.mailgun.net${path}`, query)
}

const rfc2822 = z
  .string()
  .regex(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d -0000$/)
  .transform((text) => Date.parse(text))

const searchForm = z.strictObject({
  start: rfc2822.optional(),
  end: rfc2822.optional(),
  events: z.array(z.string()),
  filter: z
    .strictObject({
      AND: z.tuple([
        z.strictObject({
          attribute: z.literal('message_id'),
          comparator: z.literal('='),
          values: z.tuple([z.strictObject({ label: z.string(), value: z.string() })]),
        }),
      ]),
    })
    .optional(),
  include_subaccounts: z.boolean().optional(),
  pagination: z.strictObject({
    sort: z.enum(['timestamp:asc', 'timestamp:desc']),
    limit: z.int().max(100),
    token: z.string().optional(),
  }),
})

const dayMs = 24 * 3_600_000

function logsAnswer(body: unknown, truth: Truth): StandInAnswer {
  const parsed = searchForm.safeParse(body)
  if (!parsed.success) return { status: 400, body: { message: 'invalid request' } }
  const { start = truth.clock() - dayMs, end = truth.clock(), events, filter, pagination } = parsed.data
  if (start < truth.clock() - retainedMs) {
    return { status: 400, body: { message: 'start time is before log retention time' } }
  }
  const { sort, limit, token } = pagination
  const emailId = filter?.AND[0].values[0].value
  const after = token === undefined ? null : placeIn(token)
  truth.byTime ??= truth.events.toSorted(byPlace)
  const page: StoredEvent[] = []
  const ordered =
    sort === 'timestamp:asc' ? ascending(truth.byTime, after, start) : descending(truth.byTime, after, end)
  for (const event of ordered) {
    const { at, entry } = event
    if (page.length === limit || at < start || at > end) break
    const isOfEmail = emailId === undefined || entry.message.headers['message-id'] === emailId
    if (isOfEmail && truth.isVisible(at) && events.includes(entry.event)) page.push(event)
  }
  const last = page.at(-1)
  const next = last ? tokenOf(last) : (token ?? tokenOf({ at: 0, number: 0 }))
  return {
    status: 200,
    body: {
      start: new Date(start).toUTCString(),
      end: new Date(end).toUTCString(),
      items: page.length === 0 ? null : page.map(({ entry }) => truth.entryChange(entry)),
      pagination: { previous: tokenOf({ at: 0, number: 0 }), next, first: '', last: '' },
      aggregates: {},
    },
  }
}

const tokenOf = ({ at, number }: Place): string => Buffer.from(`${at} ${number}`).toString('base64url')

function placeIn(token: string): Place {
  const [at = 0, number = 0] = Buffer.from(token, 'base64url').toString().split(' ').map(Number)
  return { at, number }
}

/** A log entry has the fields of the webhook, but for the form of the time and of the user's variables, and some more. */
function entryOf(data: string) {
  const { timestamp, recipient, ...facts } = JSON.parse(data)
  return {
    ...facts,
    '@timestamp': new Date(Math.round(timestamp * 1_000)).toISOString(),
    account: { id: '12345' },
    domain: { name: standInDomain },
    recipient,
    'recipient-domain': recipient.slice(recipient.lastIndexOf('@') + 1),
    'user-variables': '{}',
    flags: { 'is-authenticated': true, 'is-system-test': false, 'is-routed': false, 'is-test-mode': false },
  }
}

/** `page` and `address` name the place in the list, which is sorted by address. */
function listAnswer(list: ReadonlyMap<string, object>, url: string, query: URLSearchParams): StandInAnswer {
  const limit = Number(query.get('limit') ?? 100)
  if (limit > 1_000) return { status: 400, body: { message: 'limit is more than 1000' } }
  const after = query.get('page') === 'next' ? (query.get('address') ?? '') : ''
  const addresses = [...list.keys()].sort().filter((address) => address > after)
  const page = addresses.slice(0, limit)
  const urlOf = (direction: string, address: string) =>
    `${url}?${new URLSearchParams({ page: direction, address, limit: String(limit) })}`
  const paging = {
    previous: urlOf('previous', page[0] ?? after),
    first: `${url}?limit=${limit}`,
    next: urlOf('next', page.at(-1) ?? after),
    last: `${url}?page=last&limit=${limit}`,
  }
  return { status: 200, body: { items: page.map((address) => list.get(address)), paging } }
}

const listTime = (at: number): string => new Date(at).toUTCString().replace('GMT', 'UTC')
