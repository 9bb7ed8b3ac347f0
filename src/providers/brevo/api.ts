/**
 * Brevo's record of transactional emails, `GET /v3/smtp/statistics/events`, by developers.brevo.com/reference/get-email-event-report and its
 * SDK (github.com/getbrevo/brevo-node, March 2026). It has the facts of the webhooks in other words, without custom fields; reasons are
 * those of bounces alone. Days are those of the account's zone.
 */
import { z } from 'zod'
import type { ReceivedEvent } from '../../domain/events.ts'
import { eventIdOf } from '../event-builder.ts'
import { timeIn } from '../fields.ts'
import { eventsAnswered } from '../provider-answer.ts'
import type { ApiOptions, EventHistory, ProviderApi } from '../provider-api.ts'
import { createQuestions, type ProviderQuestions } from '../provider-question.ts'
import { createSuppressionLists } from './suppression-lists.ts'
import { brevo } from './webhook.ts'

/** The webhook's words for the API's. Opens and clicks are left out. */
const words: ReadonlyMap<string, string> = new Map([
  ['requests', 'request'],
  ['hardBounces', 'hard_bounce'],
  ['softBounces', 'soft_bounce'],
  ['invalid', 'invalid_email'],
  ...['delivered', 'deferred', 'blocked', 'error', 'spam', 'unsubscribed'].map((word) => [word, word] as const),
])

const [hourMs, dayMs] = [3_600_000, 24 * 3_600_000]

/** "The date range can not exceed 90 days"; a day more at each end is asked for. The account's own rule may keep less, a month at least. */
const retainedMs = 88 * dayMs

/** 300 an hour for most of `/v3/smtp/…`, by developers.brevo.com/docs/api-limits; dearer plans have more. */
const requestsPerSecond = 300 / 3_600

/** Not published. Our own. */
const delayMs = 10 * 60_000

/** The default, and the most of those that are documented. */
const pageSize = 2_500

const reportForm = z.object({
  /** Absent where there is none. */
  events: z
    .array(
      z.looseObject({
        event: z.string(),
        email: z.string(),
        messageId: z.string(),
        date: z.string().refine((text) => timeIn([text]) !== null),
      }),
    )
    .nullish(),
})
type Reported = NonNullable<z.infer<typeof reportForm>['events']>[number]

export type BrevoApi = ProviderApi & Required<Pick<ProviderApi, 'history' | 'suppressionLists'>>

export function createBrevoApi(options: ApiOptions): BrevoApi {
  const questions = createQuestions({
    ...options,
    title: 'Brevo',
    keySetting: 'BREVO_API_KEY',
    authenticate: async () => ({ 'api-key': options.apiKey }),
    // Seconds from now (developers.brevo.com/docs/limit-headers).
    rateLimitResetHeader: 'x-sib-ratelimit-reset',
  })
  return {
    /** Of an email with more events than fit into an answer, the newest. */
    async fetchEvents({ emailId, since }) {
      const range = daysOf({ from: since - hourMs, to: Date.now() }, Date.now())
      const reported = await readPage(questions, { ...range, messageId: `<${emailId}>` }, 0)
      return eventsIn(reported).filter((event) => event.emailId === emailId)
    },
    history: historyThrough(questions),
    suppressionLists: createSuppressionLists(questions),
  }
}

/** Newest first, in the order in which Brevo recorded them: what it records meanwhile moves the rest, of which some is then read twice. */
const historyThrough = (questions: ProviderQuestions): EventHistory => ({
  retainedMs,
  requestsPerSecond,
  delayMs,

  async read({ from, to }, cursor) {
    const offset = Number(cursor ?? 0)
    const reported = await readPage(questions, daysOf({ from, to }, Date.now()), offset)
    const events = eventsIn(reported).filter(({ occurredAt }) => occurredAt >= from && occurredAt < to)
    const oldest = timeIn([reported.at(-1)?.date])
    const isLast = reported.length < pageSize || oldest === null || oldest < from - hourMs
    return { events, next: isLast ? null : String(offset + reported.length) }
  },
})

async function readPage(
  questions: ProviderQuestions,
  search: Readonly<Record<string, string>>,
  offset: number,
): Promise<Reported[]> {
  const query = new URLSearchParams({ ...search, limit: String(pageSize), offset: String(offset), sort: 'desc' })
  return (await questions.ask(reportForm, `/v3/smtp/statistics/events?${query}`)).events ?? []
}

/** The days of a window, and one more at each end, since the account's zone is not known. A window near today is asked for as days until now. */
function daysOf({ from, to }: { readonly from: number; readonly to: number }, now: number): Record<string, string> {
  if (to > now - 2 * dayMs) {
    const days = Math.ceil((now - Math.max(from, now - retainedMs)) / dayMs) + 1
    return { days: String(days) }
  }
  const dateOf = (at: number) => new Date(at).toISOString().slice(0, 10)
  return { startDate: dateOf(from - dayMs), endDate: dateOf(to + dayMs) }
}

/** Each once: of several delays, which have one identity, the newest. */
function eventsIn(reported: readonly Reported[]): ReceivedEvent[] {
  const now = Date.now()
  const oldestFirst = reported.toReversed().flatMap((entry) => eventsOf(entry, now))
  return [...new Map(oldestFirst.map((event) => [event.id, event])).values()]
}

function eventsOf(entry: Reported, receivedAt: number): ReceivedEvent[] {
  const word = words.get(entry.event)
  if (word === undefined) return []
  const { email, messageId, date, subject, reason, tag } = entry
  const webhook = { event: word, email, 'message-id': messageId, ts_epoch: timeIn([date]), subject, reason, tag }
  const events = eventsAnswered(brevo, webhook, receivedAt, JSON.stringify(entry))
  return word === 'deferred' ? events.map(withOwnId) : events
}

/** An email has several delays, which are distinguished by their times alone; the times of the webhooks differ. */
const withOwnId = (event: ReceivedEvent): ReceivedEvent => ({
  ...event,
  id: `reconcile:${eventIdOf('deferred', event.emailId, event.recipient)}`,
})
