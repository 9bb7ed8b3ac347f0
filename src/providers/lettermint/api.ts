/** Lettermint's Team API: asks about a message, reads the record of all, and the suppression list. */
import { z } from 'zod'
import { jsonIn, timeIn } from '../fields.ts'
import type { ApiOptions, EventHistory, ProviderApi } from '../provider-api.ts'
import { messageForm, readMessageEvents } from './message-events.ts'
import { createLettermintRequests, type LettermintRequests, readsPerSecond } from './requests.ts'
import { suppressionListsThrough } from './suppression-lists.ts'

export type LettermintApi = ProviderApi & Required<Pick<ProviderApi, 'history' | 'suppressionLists'>>

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000]

/** A page of the record takes a request for the page, and one for each message. */
const messagesPerPage = 20

/** How long before the window a message may have been created whose delivery in the window is found. */
const deliveryTimeMs = hourMs

export function createLettermintApi(options: ApiOptions): LettermintApi {
  const requests = createLettermintRequests(options)
  return {
    async fetchEvents({ emailId }) {
      const message = await requests.get(messageForm, `/messages/${encodeURIComponent(emailId)}`)
      return message === null ? [] : await readMessageEvents(requests, message)
    },
    history: historyThrough(requests),
    suppressionLists: suppressionListsThrough(requests),
  }
}

const messagesForm = z.object({ data: z.array(messageForm), next_cursor: z.string().nullish() })
const cursorForm = z.string()

/**
 * The list of messages, the newest first, and the events of each. Its filters by date are days in a zone that is not documented, so a day more is
 * asked for on both sides. Retention and delay are our own: neither is published.
 */
const historyThrough = (requests: LettermintRequests): EventHistory => ({
  retainedMs: 30 * dayMs,
  // Less by one page, which a late one may be made up for.
  requestsPerSecond: readsPerSecond - (messagesPerPage + 1) / 60,
  delayMs: 5 * minuteMs,

  async read({ from, to }, cursor) {
    const begin = from - deliveryTimeMs
    const answer = await requests.get(messagesForm, '/messages', {
      ...{ sort: '-created_at', 'page[size]': String(messagesPerPage), 'filter[type]': 'outbound' },
      ...{ 'filter[from_date]': dayOf(begin - dayMs), 'filter[to_date]': dayOf(to + dayMs) },
      ...(cursor !== null && { 'page[cursor]': cursorForm.parse(jsonIn(cursor)) }),
    })
    const createdAt = ({ created_at }: { created_at?: string | null | undefined }) => timeIn([created_at]) ?? begin
    const messages = answer?.data ?? []
    const asked = messages.filter((message) => createdAt(message) >= begin && createdAt(message) < to)
    const events = (await Promise.all(asked.map((message) => readMessageEvents(requests, message)))).flat()
    const isOver = messages.some((message) => createdAt(message) < begin)
    return {
      events: events.filter(({ occurredAt }) => from <= occurredAt && occurredAt < to),
      next: isOver || !answer?.next_cursor ? null : JSON.stringify(answer.next_cursor),
      requests: 1 + asked.length,
    }
  },
})

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)
