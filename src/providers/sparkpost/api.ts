/**
 * SparkPost's Events API, `GET /api/v1/events/message`, by its API blueprint (github.com/SparkPost/developers.sparkpost.com,
 * content/api/events.apib, June 2026) and "Getting Started with the Events Search API" (SparkPost/support-docs). It has "similar event data
 * that can also be delivered via Webhooks", under the same `event_id`, so an entry is read as the webhook's; times have milliseconds here.
 */
import { z } from 'zod'
import type { ReceivedEvent } from '../../domain/events.ts'
import { secondsText, timeIn } from '../fields.ts'
import { eventsAnswered } from '../provider-answer.ts'
import { type ApiOptions, EmailRefusedError, type EventHistory, type ProviderApi } from '../provider-api.ts'
import type { ErrorAnswer } from '../provider-http.ts'
import { createQuestions, type ProviderQuestions } from '../provider-question.ts'
import { cursorIn } from './page-cursor.ts'
import { createSuppressionLists } from './suppression-lists.ts'
import { sparkpost } from './webhook.ts'

/** All but opens and clicks. */
const deliveryEvents: readonly string[] = [
  ...['injection', 'delivery', 'delay', 'bounce', 'out_of_band', 'policy_rejection', 'generation_failure'],
  ...['generation_rejection', 'spam_complaint', 'list_unsubscribe', 'link_unsubscribe'],
]

/** "Data in the Events API is retained for 10 days." Ten minutes less, for a question that is on its way. */
const retainedMs = 10 * 24 * 3_600_000 - 10 * 60_000

/** The limits "are dynamic" and not published. Our own. */
const requestsPerSecond = 1

/** Our own. A search ends "1 minute ago" unless it says otherwise, and the API before this one had events "generally within 1 minute". */
const delayMs = 5 * 60_000

/** An event may be older than the application's registration of the email. */
const registrationDelayMs = 3_600_000

/** The default; 10,000 at most. */
const pageSize = 1_000

/** An email to many recipients has some events for each of them: of more than this, the newest are read. */
const pageLimit = 5

const pageForm = z.object({
  results: z.array(
    z.looseObject({
      event_id: z.string().min(1),
      type: z.string().min(1),
      timestamp: z.string().refine((text) => timeIn([text]) !== null),
    }),
  ),
  /** A path with the whole query; none in the last page. */
  links: z.object({ next: z.string().nullish() }),
})

export type SparkpostApi = ProviderApi & Required<Pick<ProviderApi, 'history' | 'suppressionLists'>>

/** @param options the key needs the grant "Events Search: Read-only", and that of suppression lists if they are read. */
export function createSparkpostApi(options: ApiOptions): SparkpostApi {
  const questions = createQuestions({
    ...options,
    title: 'SparkPost',
    keySetting: 'SPARKPOST_API_KEY',
    authenticate: async () => ({ authorization: options.apiKey }),
    // "wait 1 to 5 seconds after receiving a 429 response before requesting again"
    firstPauseMs: 1_000,
    errorIn: refusalIn,
  })
  return {
    async fetchEvents({ emailId, since }) {
      const now = Date.now()
      const from = Math.max(since - registrationDelayMs, now - retainedMs)
      const window = { from: secondsText(from), to: secondsText(now), transmissions: emailId }
      const found: ReceivedEvent[] = []
      let cursor: string | null = null
      for (let page = 0; page < pageLimit; page += 1) {
        const { events, next } = await readPage(questions, window, cursor)
        found.push(...events)
        if (next === null) break
        cursor = next
      }
      return found.filter((event) => event.emailId === emailId)
    },
    history: historyThrough(questions),
    suppressionLists: createSuppressionLists(questions),
  }
}

/** Of the account and its subaccounts, as its webhooks are. */
const historyThrough = (questions: ProviderQuestions): EventHistory => ({
  retainedMs,
  requestsPerSecond,
  delayMs,

  async read({ from, to }, cursor) {
    const window = { from: secondsText(from), to: secondsText(Math.ceil(to / 1_000) * 1_000) }
    const { events, next } = await readPage(questions, window, cursor)
    return { events: events.filter(({ occurredAt }) => occurredAt >= from && occurredAt < to), next }
  },
})

async function readPage(questions: ProviderQuestions, window: Readonly<Record<string, string>>, cursor: string | null) {
  const query = new URLSearchParams({
    ...window,
    events: deliveryEvents.join(','),
    per_page: String(pageSize),
    cursor: cursor ?? 'initial',
  })
  const { results, links } = await questions.ask(pageForm, `/api/v1/events/message?${query}`)
  const now = Date.now()
  const entries = results.filter(({ type }) => deliveryEvents.includes(type))
  const next = results.length > 0 ? cursorIn(links.next) : null
  return {
    events: entries.flatMap((entry) => eventsAnswered(sparkpost, entry, now)),
    next: next === cursor ? null : next,
  }
}

const refusalForm = z.object({ errors: z.array(z.object({ message: z.string() })) })

/** Addresses that SparkPost's own people have added are not removed: "Recipient could not be removed - Compliance", with 403. */
function refusalIn({ status, json }: ErrorAnswer): Error | null {
  const messages = refusalForm.safeParse(json).data?.errors.map(({ message }) => message) ?? []
  if (status !== 403 || !messages.some((message) => message.includes('Compliance'))) return null
  return new EmailRefusedError('SparkPost keeps an address that its compliance team has added', status, 'compliance')
}
