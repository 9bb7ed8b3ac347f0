/** Postmark's record of bounces and of messages, read as the history of all emails. */
import { z } from 'zod'
import { timeIn } from '../fields.ts'
import type { EventHistory, HistoryPage } from '../provider-api.ts'
import { bouncesIn, deliveriesIn } from './answered-events.ts'
import { maxCount, type PostmarkRequests, searchLimit, undocumentedAnswer } from './requests.ts'

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000]

/** A page of messages takes a request for the page, and one for each message. */
const messagesPerPage = 10

/** How long before the window a message may have been received whose delivery in the window is found. */
const deliveryTimeMs = hourMs

const placeForm = z.object({
  /** The streams from here on. */
  streams: z.array(z.string()).min(1),
  /** What is read of the first of them. */
  kind: z.enum(['bounces', 'messages']),
  offset: z.number(),
  /** Where a search begins anew that had more results than a search reaches; null for the end of the window. */
  until: z.number().nullable(),
})
type Place = z.infer<typeof placeForm>
type Window = Parameters<EventHistory['read']>[0]

/**
 * Reads the streams, and then of each stream the bounces, and the messages with their deliveries. Postmark has no list of deliveries: every
 * message is asked about. A delivery more than an hour after Postmark received the message is not found here; such an email has stalled,
 * and is asked about alone.
 * Postmark publishes no rate limit, and no delay: both are cautious.
 */
export const createEventHistory = (requests: PostmarkRequests): EventHistory => ({
  retainedMs: 45 * dayMs,
  requestsPerSecond: 11,
  delayMs: 5 * minuteMs,

  async read(window, cursor) {
    if (cursor === null) {
      const streams = (await requests.streams()).map(({ id }) => id)
      return { events: [], next: nextOf({ streams, kind: 'bounces', offset: 0, until: null }) }
    }
    const place = placeForm.parse(JSON.parse(cursor))
    const page = await (place.kind === 'bounces' ? readBounces : readMessages)(requests, window, place)
    const { from, to } = window
    return { ...page, events: page.events.filter(({ occurredAt }) => from <= occurredAt && occurredAt < to) }
  },
})

const nextOf = (place: Place): string | null => (place.streams.length === 0 ? null : JSON.stringify(place))

async function readBounces(requests: PostmarkRequests, window: Window, place: Place): Promise<HistoryPage> {
  const records = await requests.bounces({ ...searchOf(window, place), from: window.from, count: maxCount })
  const times = records.map(({ BouncedAt }) => BouncedAt)
  return { events: bouncesIn(records, Date.now()), next: nextOf(placeAfter(place, times, maxCount)) }
}

async function readMessages(requests: PostmarkRequests, window: Window, place: Place): Promise<HistoryPage> {
  const from = window.from - deliveryTimeMs
  const received = await requests.messages({ ...searchOf(window, place), from, count: messagesPerPage })
  const messages = await Promise.all(received.map(({ MessageID }) => requests.message(MessageID)))
  const now = Date.now()
  const times = received.map(({ ReceivedAt }) => ReceivedAt)
  return {
    events: messages.flatMap((message) => (message === null ? [] : deliveriesIn(message, now))),
    next: nextOf(placeAfter(place, times, messagesPerPage)),
    requests: 1 + received.length,
  }
}

const searchOf = (window: Window, { streams: [stream = ''], offset, until }: Place) => ({
  ...{ stream, offset, to: until ?? window.to },
})

/** @param times of the results of this page, the newest first. */
function placeAfter(place: Place, times: readonly unknown[], count: number): Place {
  const { streams, kind, offset, until } = place
  const begun = { offset: 0, until: null }
  if (times.length < count) {
    if (kind === 'bounces') return { streams, kind: 'messages', ...begun }
    return { streams: streams.slice(1), kind: 'bounces', ...begun }
  }
  const reached = offset + count
  if (reached + count <= searchLimit) return { ...place, offset: reached }
  const oldest = timeIn([times.at(-1)])
  if (oldest === null) throw undocumentedAnswer()
  // Repeats the results of that time: their identities are the same.
  return { streams, kind, offset: 0, until: Math.min(oldest, (until ?? Number.MAX_SAFE_INTEGER) - 1_000) }
}
