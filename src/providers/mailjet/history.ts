/** Mailjet's record of all messages. */
import type { EventHistory } from '../provider-api.ts'
import type { MailjetRequests } from './requests.ts'

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000]

/** How long before the window a message may have come whose events in the window are found. */
const deliveryTimeMs = hourMs

/** A page takes a request for the messages, and one for each of them. */
const messagesPerPage = 5

/** Of a message to which nothing has happened yet. */
const untried: readonly string[] = ['unknown', 'queued']

/**
 * Mailjet has no list of events: every message is asked about. What happens more than an hour after Mailjet got the message is not found here;
 * an email that is not delivered by then has stalled, and is asked about alone.
 *
 * "The rate limits for the rest of our Email and SMS APIs … are much lower" (dev.mailjet.com/reference/overview/rate-limits) than those of sending, and no
 * more is published; nor is for how long the record is kept, and how late it is. All of these figures are our own.
 */
export const createEventHistory = (requests: MailjetRequests): EventHistory => ({
  retainedMs: 30 * dayMs,
  requestsPerSecond: 6,
  delayMs: 5 * minuteMs,

  async read({ from, to }, cursor) {
    const offset = Number(cursor ?? 0)
    const search = { from: from - deliveryTimeMs, to, offset, limit: messagesPerPage }
    const messages = await requests.messages(search)
    const tried = messages.filter(({ Status }) => !untried.includes(Status))
    const events = (await Promise.all(tried.map(requests.eventsOf))).flat()
    return {
      events: events.filter(({ occurredAt }) => from <= occurredAt && occurredAt < to),
      next: messages.length < messagesPerPage ? null : String(offset + messagesPerPage),
      requests: 1 + tried.length,
    }
  },
})
