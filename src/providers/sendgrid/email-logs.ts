/**
 * SendGrid's Email Logs, by its OpenAPI document (github.com/twilio/sendgrid-oai, tsg_logs_v3 1.0.0, January 2026) and
 * twilio.com/docs/sendgrid/api-reference/email-logs. `POST /v3/logs` finds messages, without pages and in no documented order;
 * `GET /v3/logs/{sg_message_id}` has the last 100 events of one, in the form of the webhook's. A message has one recipient: an email to
 * several is several messages, whose IDs begin alike.
 */
import { z } from 'zod'
import type { ReceivedEvent } from '../../domain/events.ts'
import { timeIn } from '../fields.ts'
import { InvalidEventError } from '../provider.ts'
import type { ProviderHttp } from '../provider-http.ts'
import { answerOf, undocumentedAnswer } from './http.ts'
import { sendgrid } from './webhook.ts'

interface LoggedMessage {
  /** The whole `sg_message_id`. */
  readonly id: string
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** Messages that were created from `from` on and before `to`, epoch milliseconds. */
export interface MessageSearch {
  readonly from: number
  readonly to: number
  readonly recipient?: string
  readonly statuses?: readonly string[]
}

export interface EmailLogs {
  /**
   * The messages of the first part of the search's time, oldest first: of as much of it as one answer can hold.
   * @returns `to`, where that part ends, and how many requests it took.
   */
  findFirst(search: MessageSearch): Promise<{
    readonly messages: readonly LoggedMessage[]
    readonly to: number
    readonly requests: number
  }>
  /** All messages of the search, oldest first. */
  findAll(search: MessageSearch): Promise<LoggedMessage[]>
  /** The delivery events of a message; none if SendGrid does not know it any more. */
  readEvents(messageId: string): Promise<ReceivedEvent[]>
}

/** The limit is 1,000 messages: so many may be longer than an answer that is read. */
const [usualLimit, largestLimit] = [500, 1_000]

/** Times are searched by the second. */
const shortestMs = 1_000

const foundForm = z.object({
  messages: z.array(z.object({ sg_message_id: z.string().min(1), sg_message_id_created_at: z.string() })),
})
const messageForm = z.object({ subject: z.string().nullish(), events: z.array(z.looseObject({ event: z.string() })) })
const eventForm = z.looseObject({ sg_message_id: z.string().min(1), email: z.string(), timestamp: z.number() })

/** Opens, clicks and subscriptions say nothing of the delivery, and have other fields than their webhooks. */
const deliveryEvents = new Set(['processed', 'deferred', 'delivered', 'bounce', 'dropped', 'cancel_drop', 'spamreport'])

/** Methods throw as `ProviderApi.fetchEvents` does. */
export function createEmailLogs(http: ProviderHttp): EmailLogs {
  /** Includes all messages of the second in which `from` and `to` are. */
  const find = async (search: MessageSearch, limit: number): Promise<LoggedMessage[]> => {
    const body = { query: queryOf(search), limit }
    const { json } = await http.request({ method: 'POST', path: '/v3/logs', body, isRepeatable: true })
    return answerOf(foundForm, json).messages.map(loggedMessageOf)
  }

  const findFirst: EmailLogs['findFirst'] = async (search) => {
    const { from } = search
    for (let [to, requests] = [search.to, 1]; ; to = from + halfOf(to - from), requests += 1) {
      const limit = to - from > shortestMs ? usualLimit : largestLimit
      const found = await find({ ...search, to }, limit)
      if (found.length < limit || limit === largestLimit)
        return { messages: oldestFirst(found, from, to), to, requests }
    }
  }

  return {
    findFirst,

    async findAll(search) {
      const all: LoggedMessage[] = []
      let [from, end] = [search.from, search.to]
      while (from < search.to) {
        const { messages, to } = await findFirst({ ...search, from, to: end })
        all.push(...messages)
        end = endOfNext(from, to, search.to)
        from = to
      }
      return all
    },

    async readEvents(messageId) {
      const path = `/v3/logs/${encodeURIComponent(messageId)}`
      const { status, json } = await http.request({ method: 'GET', path, isRepeatable: true })
      return status === 404 ? [] : eventsOf(answerOf(messageForm, json), Date.now())
    },
  }
}

/** Until when to search after a part from `from` to `to`: messages are about as frequent then, or fewer. */
export const endOfNext = (from: number, to: number, last: number): number => Math.min(last, to + 2 * (to - from))

/**
 * Whether an address can be searched: how to write a quotation mark is not documented.
 * @param address normalized, and searched as it is: SendGrid distinguishes upper and lower case.
 */
export const isSearchable = (address: string): boolean => !/["\\]/.test(address)

function queryOf({ from, to, recipient, statuses }: MessageSearch): string {
  const conditions = [
    ...(recipient === undefined ? [] : [`to_email = "${recipient}"`]),
    `sg_message_id_created_at >= TIMESTAMP "${secondOf(Math.floor(from / 1_000))}"`,
    `sg_message_id_created_at < TIMESTAMP "${secondOf(Math.ceil(to / 1_000))}"`,
    ...(statuses ? [`status IN (${statuses.map((status) => `'${status}'`).join(', ')})`] : []),
  ]
  return conditions.join(' AND ')
}

const secondOf = (epochSeconds: number): string => new Date(epochSeconds * 1_000).toISOString().replace('.000Z', 'Z')

const halfOf = (spanMs: number): number => Math.max(shortestMs, Math.floor(spanMs / 2 / shortestMs) * shortestMs)

function loggedMessageOf(found: z.infer<typeof foundForm>['messages'][number]): LoggedMessage {
  const createdAt = timeIn([found.sg_message_id_created_at])
  if (createdAt === null) throw undocumentedAnswer()
  return { id: found.sg_message_id, createdAt }
}

const oldestFirst = (messages: readonly LoggedMessage[], from: number, to: number): LoggedMessage[] =>
  messages
    .filter(({ createdAt }) => createdAt >= from && createdAt < to)
    .sort((one, other) => one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1))

function eventsOf({ subject, events }: z.infer<typeof messageForm>, now: number): ReceivedEvent[] {
  const entries = events.filter(({ event }) => deliveryEvents.has(event)).map((entry) => answerOf(eventForm, entry))
  try {
    return entries
      .flatMap((entry) => sendgrid.eventsOf(entry, now))
      .map((event) => ({ ...event, subject: subject?.slice(0, 998) ?? null }))
  } catch (error) {
    throw error instanceof InvalidEventError ? undocumentedAnswer() : error
  }
}
