/** The delivery events of all emails, from SendGrid's Email Logs. */
import { z } from 'zod'
import { jsonIn } from '../fields.ts'
import type { EventHistory } from '../provider-api.ts'
import { readInGroups } from './concurrency.ts'
import { type EmailLogs, endOfNext, type MessageSearch } from './email-logs.ts'

const [hourMs, dayMs] = [3_600_000, 86_400_000]

/**
 * A page asks for so many messages, and searches at least once. With 10, a tenth of the requests were searches; with more, what a page that is
 * late makes up for would exceed the limit of a minute.
 */
const messagesPerPage = 25

/** For so long SendGrid tries to deliver. */
const triesForMs = 72 * hourMs

/** The statuses of messages that had difficulties: few of all. */
const troubled = ['deferred', 'bounced', 'blocked', 'dropped']

/** Where the next page begins. `to` is the end of a time that one answer can hold. */
const cursorForm = z.tuple([z.int().min(0), z.number(), z.number(), z.string()])

/**
 * Email Logs are searched by the time of a message's creation, not of its events, and have no pages: a page finds the messages again, and
 * asks for the next few. Read are all messages of the window, and of the 72 hours before it those with difficulties. So two kinds of events
 * are missed: a delivery in the window after a delay, of an email from before the window, and a complaint about one. If an account sends
 * more than 1,000 messages in one second, some are missed.
 */
export const historyIn = (logs: EmailLogs): EventHistory => ({
  retainedMs: 30 * dayMs,
  // SendGrid publishes no limit for Email Logs, and 600 requests a minute for others of its endpoints: less by one page, which a late one
  // may be made up for.
  requestsPerSecond: (600 - messagesPerPage - 1) / 60,
  // "Near real time".
  delayMs: 5 * 60_000,

  async read(window, cursor) {
    const parts = partsOf(window)
    const [index, from, untilNow, after] = cursor === null ? beginOf(parts, 0) : cursorForm.parse(jsonIn(cursor))
    const part = parts[index]
    if (!part) throw new RangeError('the cursor is of another window')
    const { messages, to, requests } = await logs.findFirst({ ...part, from, to: untilNow })
    const left = messages.filter(({ createdAt, id }) => createdAt > from || id > after)
    const page = left.slice(0, messagesPerPage)
    const events = await readInGroups(page, ({ id }) => logs.readEvents(id))
    const last = page.at(-1)
    return {
      events: events.filter(({ occurredAt }) => occurredAt >= window.from && occurredAt < window.to),
      requests: requests + page.length,
      next: textOf(
        left.length > page.length && last
          ? [index, last.createdAt, to, last.id]
          : to < part.to
            ? [index, to, endOfNext(from, to, part.to), '']
            : index + 1 < parts.length
              ? beginOf(parts, index + 1)
              : null,
      ),
    }
  },
})

type Cursor = z.infer<typeof cursorForm>

const partsOf = ({ from, to }: { readonly from: number; readonly to: number }): readonly MessageSearch[] => [
  { from: from - triesForMs, to: from, statuses: troubled },
  { from, to },
]

const beginOf = (parts: readonly MessageSearch[], index: number): Cursor => [
  index,
  parts[index]?.from ?? 0,
  parts[index]?.to ?? 0,
  '',
]

const textOf = (cursor: Cursor | null): string | null => cursor && JSON.stringify(cursor)
