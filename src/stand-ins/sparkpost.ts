/**
 * SparkPost as its API blueprints (github.com/SparkPost/developers.sparkpost.com, content/api/events.apib and suppression-list.apib, June
 * 2026) describe it: the Events API, the suppression list of an account and its subaccounts, and webhooks about the same events.
 */
import { z } from 'zod'
import type { SuppressionReason } from '../domain/suppression.ts'
import { sparkpostEntry } from '../providers/sparkpost/entry.ts'
import { descending, type Place } from './ordered-events.ts'
import { type Recorded, recordEvents } from './recorded-events.ts'
import { type StandInAnswer, type StandInRequest, type StandInServer, startStandInServer } from './server.ts'
import type { ProviderStandIn, StandInOptions } from './stand-in.ts'

/** An entry of a suppression list, as the API answers it. */
interface SparkpostSuppression {
  readonly recipient: string
  readonly type: 'transactional' | 'non_transactional'
  readonly source: string
  readonly created: string
  readonly list_id?: string
  readonly subaccount_id?: string
}

export interface SparkpostStandIn extends ProviderStandIn {
  readonly requests: StandInServer['requests']
  readonly suppressions: SparkpostSuppression[]
  /** How each entry of the Events API differs from what SparkPost documents. Default: not at all. */
  setEntryChange(change: (entry: object) => object): void
}

interface Truth {
  readonly recorded: Recorded
  readonly suppressions: SparkpostSuppression[]
  readonly clock: () => number
  readonly isVisible: (at: number) => boolean
  entryChange: (entry: object) => object
}

/** What SparkPost itself adds: a hard bounce and a complaint for both types of email. */
const entriesOf: Readonly<Record<SuppressionReason, Pick<SparkpostSuppression, 'source' | 'type'>[]>> = {
  hard_bounce: [
    { source: 'Bounce Rule', type: 'transactional' },
    { source: 'Bounce Rule', type: 'non_transactional' },
  ],
  complaint: [{ source: 'Spam Complaint', type: 'non_transactional' }],
  manual: [{ source: 'Manually Added', type: 'transactional' }],
  repeated_soft_bounces: [],
}

export async function startSparkpostStandIn(options: StandInOptions = {}): Promise<SparkpostStandIn> {
  const { clock = Date.now, port, apiKey = '14ac5499cfdd2bb2859e4476d2e5b1d2bad079bf' } = options
  const truth: Truth = {
    recorded: recordEvents(sparkpostEntry, options),
    suppressions: [],
    clock,
    isVisible: (at) => server.isVisible(at),
    entryChange: (entry) => entry,
  }
  const server = await startStandInServer({
    clock,
    ...(port !== undefined && { port }),
    isAuthorized: ({ headers }) => headers.authorization === apiKey,
    refusal: refusal(401, 'Unauthorized.'),
    answer: (request) => answerTo(request, truth),
  })
  const { recorded, suppressions } = truth
  return {
    ...{ apiKey, suppressions },
    ...server,
    ...recorded,
    suppress(recipient, reason) {
      suppressions.push(...entriesOf[reason].map((entry) => ({ recipient, ...entry, created: timeText(clock()) })))
    },
    setEntryChange(change) {
      truth.entryChange = change
    },
  }
}

const ok = (body: unknown): StandInAnswer => ({ status: 200, body })
const refusal = (status: number, message: string): StandInAnswer => ({ status, body: { errors: [{ message }] } })

function answerTo(request: StandInRequest, truth: Truth): StandInAnswer {
  const { method, path, query } = request
  if (method === 'GET' && path === '/api/v1/events/message') return eventsAnswer(query, truth)
  const [isList, recipient] = /^\/api\/v1\/suppression-list\/?([^/]*)$/.exec(path) ?? []
  if (isList === undefined) return refusal(404, 'Resource could not be found')
  if (!recipient) return method === 'PUT' ? addAnswer(request, truth) : listAnswer(query, truth)
  return method === 'DELETE' ? removeAnswer(recipient, request, truth) : ofRecipient(recipient, truth)
}

const time = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  .transform((text) => Date.parse(text))

const searchForm = z.strictObject({
  from: time,
  to: time,
  events: z.string().transform((text) => text.split(',')),
  per_page: z.coerce.number().int().min(1).max(10_000),
  cursor: z.union([z.literal('initial'), z.base64()]),
  transmissions: z.string().optional(),
})

/** Newest first. `from` is inclusive, `to` exclusive. */
function eventsAnswer(query: URLSearchParams, { recorded, isVisible, entryChange }: Truth): StandInAnswer {
  const parsed = searchForm.safeParse(Object.fromEntries(query))
  if (!parsed.success) return refusal(400, 'invalid parameters')
  const { from, to, events, per_page: limit, cursor, transmissions } = parsed.data
  const found: { readonly place: Place; readonly entry: object }[] = []
  for (const event of descending(recorded.byTime(), placeIn(cursor), to - 1)) {
    if (event.at < from || found.length > limit) break
    const entry = entryIn(event.body, event.at)
    const isOfEmail = transmissions === undefined || event.email.emailId === transmissions
    if (isOfEmail && isVisible(event.at) && events.includes(entry.type)) found.push({ place: event, entry })
  }
  const page = found.slice(0, limit)
  const last = page.at(-1)?.place
  const next = new URLSearchParams({ ...Object.fromEntries(query), cursor: last ? cursorOf(last) : '' })
  return ok({
    results: page.map(({ entry }) => entryChange(entry)),
    total_count: found.length,
    links: found.length > limit ? { next: `/api/v1/events/message?${next}` } : {},
  })
}

const cursorOf = ({ at, number }: Place): string => Buffer.from(`${at} ${number}`).toString('base64')

function placeIn(cursor: string): Place | null {
  if (cursor === 'initial') return null
  const [at = 0, number = 0] = Buffer.from(cursor, 'base64').toString().split(' ').map(Number)
  return { at, number }
}

/** An entry has the fields of the webhook's event, but for the form of the time and of the account's number. */
function entryIn(body: string, at: number) {
  const [{ msys }] = JSON.parse(body) as [{ msys: Record<string, { type: string }> }]
  const [event] = Object.values(msys) as [{ type: string }]
  return { ...event, customer_id: 1, timestamp: new Date(at).toISOString() }
}

/** By cursors, which here are the places in the list. */
function listAnswer(query: URLSearchParams, { suppressions }: Truth): StandInAnswer {
  const [limit, cursor] = [Number(query.get('per_page')), query.get('cursor')]
  if (!(limit >= 1 && limit <= 10_000) || cursor === null) return refusal(400, 'invalid parameters')
  const first = cursor === 'initial' ? 0 : Number(cursor)
  const href = (at: number | string) => `/api/v1/suppression-list?cursor=${at}&per_page=${limit}`
  const isLast = first + limit >= suppressions.length
  return ok({
    results: suppressions.slice(first, first + limit),
    links: [{ href: href('initial'), rel: 'first' }, ...(isLast ? [] : [{ href: href(first + limit), rel: 'next' }])],
    total_count: suppressions.length,
  })
}

const isOf = (recipient: string) => (entry: SparkpostSuppression) => entry.recipient === recipient

function ofRecipient(recipient: string, { suppressions }: Truth): StandInAnswer {
  const results = suppressions.filter(isOf(recipient))
  if (results.length === 0) return refusal(404, 'Recipient could not be found')
  return ok({ results, links: [], total_count: results.length })
}

const addedForm = z.object({
  recipients: z
    .array(z.object({ recipient: z.string(), type: z.enum(['transactional', 'non_transactional']) }))
    .max(10_000),
})

function addAnswer({ body }: StandInRequest, { suppressions, clock }: Truth): StandInAnswer {
  const parsed = addedForm.safeParse(JSON.parse(body))
  if (!parsed.success) return refusal(400, 'PUT body contains 1 invalid or malformed recipient(s): ada@example.com')
  for (const added of parsed.data.recipients) {
    const isKnown = suppressions.some(({ recipient, type }) => recipient === added.recipient && type === added.type)
    if (!isKnown) suppressions.push({ ...added, source: 'Manually Added', created: timeText(clock()) })
  }
  return ok({ results: { message: 'Suppression List successfully updated' } })
}

/** From the list of the subaccount that the request names, else of the account itself. */
function removeAnswer(recipient: string, { headers }: StandInRequest, { suppressions }: Truth): StandInAnswer {
  const isHere = (entry: SparkpostSuppression) =>
    isOf(recipient)(entry) && entry.subaccount_id === headers['x-msys-subaccount']
  const found = suppressions.filter(isHere)
  if (found.length === 0) return refusal(404, 'Recipient could not be found')
  if (found.some(({ source }) => source === 'Compliance'))
    return refusal(403, 'Recipient could not be removed - Compliance')
  suppressions.splice(0, suppressions.length, ...suppressions.filter((entry) => !isHere(entry)))
  return { status: 204, body: '' }
}

const timeText = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, '+00:00')
