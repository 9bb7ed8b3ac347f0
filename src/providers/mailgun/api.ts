/**
 * Mailgun's logs, `POST /v1/analytics/logs`, by its OpenAPI document (github.com/mailgun/mailgun-mcp-server, src/openapi.yaml, 3.0.0 of
 * 2026-07-09). Events have one ID at Mailgun ("Event Structure" in its manual), and a log entry has the fields of the webhook about the
 * event, so both become the same event; that both hold the same ID is nowhere promised. Only the reason of a rejection is in the webhook
 * alone, and times have milliseconds here, microseconds there. The document lists no filter attributes: `message_id` is the one that
 * public integrations use (mitodl/mitxonline), with the ID without angle brackets.
 */
import { z } from 'zod'
import type { ReceivedEvent } from '../../domain/events.ts'
import { createAdapter } from '../adapter.ts'
import { isObject, partOf, textIn, timeIn } from '../fields.ts'
import { eventsAnswered } from '../provider-answer.ts'
import type { ApiOptions, EventHistory, ProviderApi } from '../provider-api.ts'
import { type Ask, createAsk, requestsPerSecond } from './ask.ts'
import { createSuppressionLists } from './suppression-lists.ts'
import { mailgunForm } from './webhook.ts'

/** All but opens and clicks, and those that are about no email. */
const deliveryEvents: readonly string[] = ['accepted', 'rejected', 'delivered', 'failed', 'complained', 'unsubscribed']

/**
 * Mailgun keeps events for 30 days at most, by the plan ("Introduction to Events" in its manual). Ten minutes less, since it refuses a
 * question that begins a moment too early.
 */
const retainedMs = 30 * 24 * 3_600_000 - 10 * 60_000

/** An event may be older than the application's registration of the email. */
const registrationDelayMs = 3_600_000

/** Published maximum. */
const pageSize = 100

/** An email to many recipients has some events for each of them: of more than this, the newest are read. */
const pageLimit = 10

const entryForm = z.looseObject({
  id: z.string().min(1),
  event: z.string().min(1),
  '@timestamp': z.string().refine((text) => timeIn([text]) !== null),
})
type LogEntry = z.infer<typeof entryForm>

const logsForm = z.object({
  /** Null in an empty page (amp-labs/connectors). */
  items: z.array(entryForm).nullable(),
  pagination: z.object({ next: z.string().nullish() }),
})

export type MailgunApi = ProviderApi & Required<Pick<ProviderApi, 'history'>>

/** @param options `apiUrl` is that of the region; `domains` are those whose suppression lists are read. */
export function createMailgunApi(options: ApiOptions): MailgunApi {
  const ask = createAsk(options)
  const { domains = [] } = options
  return {
    async fetchEvents({ emailId, since }) {
      const now = Date.now()
      const search = {
        start: rfc2822(Math.max(since - registrationDelayMs, now - retainedMs)),
        filter: { AND: [{ attribute: 'message_id', comparator: '=', values: [{ label: emailId, value: emailId }] }] },
        include_subaccounts: true,
      }
      const entries = await readNewest(ask, search)
      return entries.flatMap((entry) => eventsIn(entry, now)).filter((event) => event.emailId === emailId)
    },
    history: historyThrough(ask),
    ...(domains.length > 0 && { suppressionLists: createSuppressionLists(ask, domains) }),
  }
}

/**
 * The logs of the account itself: a subaccount may belong to another project. Received messages, which routes forward, and entries that
 * name no message are left out.
 */
const historyThrough = (ask: Ask): EventHistory => ({
  retainedMs,
  requestsPerSecond,
  // "Event polling" in Mailgun's manual: events younger than half an hour may still be missing.
  delayMs: 30 * 60_000,

  async read({ from, to }, cursor) {
    const search = { start: rfc2822(from), end: rfc2822(Math.ceil(to / 1_000) * 1_000) }
    const { entries, next } = await readPage(ask, search, 'timestamp:asc', cursor)
    const now = Date.now()
    const events = entries.filter(isOfSentEmail).flatMap((entry) => eventsIn(entry, now))
    return { events: events.filter(({ occurredAt }) => occurredAt >= from && occurredAt < to), next }
  },
})

const isOfSentEmail = (entry: LogEntry): boolean =>
  textIn(partOf(partOf(entry, 'message'), 'headers'), ['message-id']) !== null &&
  !isObject(entry['routes']) &&
  partOf(entry, 'flags')['is-routed'] !== true

/** Oldest first. */
async function readNewest(ask: Ask, search: object): Promise<LogEntry[]> {
  const newestFirst: LogEntry[] = []
  let cursor: string | null = null
  for (let page = 0; page < pageLimit; page += 1) {
    const { entries, next } = await readPage(ask, search, 'timestamp:desc', cursor)
    newestFirst.push(...entries)
    if (next === null) break
    cursor = next
  }
  return newestFirst.reverse()
}

/** Mailgun may name a next page after the last one: the last page is an empty one. */
async function readPage(ask: Ask, search: object, sort: string, cursor: string | null) {
  const pagination = { sort, limit: pageSize, ...(cursor !== null && { token: cursor }) }
  const answer = await ask(logsForm, {
    path: '/v1/analytics/logs',
    body: { ...search, events: deliveryEvents, pagination },
  })
  const entries = answer.items ?? []
  const { next } = answer.pagination
  return { entries, next: entries.length > 0 && next && next !== cursor ? next : null }
}

/** Nothing is verified in an answer of the API. */
const logs = createAdapter({ ...mailgunForm, verify: () => false })

/** None of an entry that the webhook would be refused for, and none of an event that was not asked for. */
function eventsIn(entry: LogEntry, receivedAt: number): ReceivedEvent[] {
  if (!deliveryEvents.includes(entry.event)) return []
  const { '@timestamp': timestamp, ...facts } = entry
  return eventsAnswered(logs, { ...facts, timestamp }, receivedAt)
}

/** As Mailgun's examples write it. Rounded down to seconds. */
const rfc2822 = (at: number): string => new Date(at).toUTCString().replace('GMT', '-0000')
