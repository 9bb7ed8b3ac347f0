/**
 * Resend's record of what happened to all emails: `GET /webhooks/{id}/events` and `GET /webhooks/{id}/events/{event}`
 * (resend.com/docs/api-reference/webhooks, "Headless Webhook API" of September 2026; resend-node 6.27.0), and `GET /emails` of its
 * OpenAPI document (github.com/resend/resend-openapi, 1.5.0).
 *
 * The log of a webhook holds every event that was sent to it, delivered or not, under the ID of its request (`svix-id`), and its
 * payload: the same events as through the webhook. The list of emails has only their last events, so it is read only where no enabled
 * webhook has all delivery events.
 */
import { z } from 'zod'
import type { ReceivedEvent } from '../../domain/events.ts'
import { identifier, timeIn } from '../fields.ts'
import { InvalidEventError } from '../provider.ts'
import type { EventHistory, HistoryPage } from '../provider-api.ts'
import type { ProviderHttp } from '../provider-http.ts'
import { answerOf, nextOf, pageForm, pagePath, requestsPerSecond } from './answers.ts'
import { emailForm, eventsProvenBy } from './last-event.ts'
import { resend } from './webhook.ts'

/** For all plans (resend.com/docs/dashboard/webhooks/how-to-store-webhooks-data). */
const retainedMs = 30 * 24 * 3_600_000

/** Not published. The log is what webhooks are sent from, so an event is in it within seconds. */
const delayMs = 5 * 60_000

/** What the log is read for. Opens and clicks are not delivery events. */
const deliveryEvents: readonly string[] = [
  'email.scheduled',
  'email.sent',
  'email.delivered',
  'email.delivery_delayed',
  'email.bounced',
  'email.complained',
  'email.failed',
  'email.suppressed',
]

const webhooksForm = pageForm(
  z.object({
    id: z.string().min(1),
    events: z.array(z.string()).nullish(),
    status: z.string().nullish(),
    created_at: z.string().nullish(),
  }),
)
type Webhook = z.infer<typeof webhooksForm>['data'][number]
const logForm = pageForm(z.object({ id: identifier, type: z.string(), created_at: z.string() }))
const loggedForm = z.object({ id: identifier, payload: z.record(z.string(), z.unknown()) })
const emailsForm = pageForm(emailForm.extend({ id: identifier }))

/** What is left to read. A page is one request, so that the caller's pace is that of the requests. */
const cursorForm = z.object({
  /** The webhooks whose logs are left. */
  logs: z.array(z.string()),
  /** The last entry that was read of the first log, or of the list of emails. */
  after: z.string().nullable(),
  /** Events whose payloads are left to read, as paths below `/webhooks`. */
  events: z.array(z.string()),
  /** Whether the list of emails is left. */
  emails: z.boolean(),
})
type Cursor = z.infer<typeof cursorForm>
type Window = Parameters<EventHistory['read']>[0]
type Step = { readonly events: readonly ReceivedEvent[]; readonly rest: Cursor }

/**
 * Newest first. An event of a log belongs to the window in which Resend recorded it. An email of the list belongs to the window in
 * which it was created; its last event is dated as {@link eventsProvenBy} does.
 */
export const historyThrough = (http: ProviderHttp): EventHistory => ({
  retainedMs,
  requestsPerSecond,
  delayMs,

  async read(window, cursor) {
    if (cursor === null) return pageOf(await start(http, window))
    const left = cursorForm.parse(JSON.parse(cursor))
    const [event, ...events] = left.events
    if (event !== undefined) return pageOf(await readEvent(http, event, { ...left, events }))
    const [log, ...logs] = left.logs
    if (log !== undefined) return pageOf(await readLog(http, window, log, { ...left, logs }))
    return pageOf(await readEmails(http, window, left))
  },
})

function pageOf({ events, rest }: Step): HistoryPage {
  const isLast = rest.logs.length === 0 && rest.events.length === 0 && !rest.emails
  return { events, next: isLast ? null : JSON.stringify(rest) }
}

/** Decides what is read. Svix sends a message to all webhooks under one ID, so the log of any complete webhook will do. */
async function start(http: ProviderHttp, { from }: Window): Promise<Step> {
  const { json } = await http.request({ method: 'GET', path: pagePath('/webhooks', null), isRepeatable: true })
  const webhooks = answerOf(webhooksForm, json).data
  const complete = webhooks.find((webhook) => hasAll(webhook, from))
  const logs = complete
    ? [complete]
    : webhooks.filter(({ events }) => deliveryEvents.some((type) => events?.includes(type)))
  return {
    events: [],
    rest: { logs: logs.map(({ id }) => id), after: null, events: [], emails: complete === undefined },
  }
}

/** Whether the log of a webhook holds every delivery event since `from`. */
function hasAll({ events, status, created_at }: Webhook, from: number): boolean {
  const createdAt = timeIn([created_at])
  const isOldEnough = createdAt !== null && createdAt <= from
  return status === 'enabled' && isOldEnough && deliveryEvents.every((type) => events?.includes(type))
}

/** The log cannot be asked for a window, and its entries hold no payload. */
async function readLog(http: ProviderHttp, window: Window, log: string, rest: Cursor): Promise<Step> {
  const eventsPath = `/${encodeURIComponent(log)}/events`
  const path = pagePath(`/webhooks${eventsPath}`, rest.after)
  const { status, json } = await http.request({ method: 'GET', path, isRepeatable: true })
  // The webhook was deleted meanwhile, or the account has no logs.
  if (status === 404) return { events: [], rest: { ...rest, after: null, emails: true } }
  const page = answerOf(logForm, json)
  const events = page.data.filter((entry) => isWithin(entry, window) && deliveryEvents.includes(entry.type))
  const after = isBefore(page.data.at(-1), window) ? null : nextOf(page)
  const logs = after === null ? rest.logs : [log, ...rest.logs]
  return {
    events: [],
    rest: { ...rest, logs, after, events: events.map(({ id }) => `${eventsPath}/${encodeURIComponent(id)}`) },
  }
}

async function readEvent(http: ProviderHttp, path: string, rest: Cursor): Promise<Step> {
  const { status, json } = await http.request({ method: 'GET', path: `/webhooks${path}`, isRepeatable: true })
  return { events: status === 404 ? [] : loggedEvents(json), rest }
}

/** As the webhook's request would have been read. None of a payload that the endpoint would have refused. */
function loggedEvents(json: unknown): ReceivedEvent[] {
  const { id, payload } = answerOf(loggedForm, json)
  try {
    return resend.parse(Buffer.from(JSON.stringify(payload)), Date.now(), { 'svix-id': id })
  } catch (error) {
    if (error instanceof InvalidEventError) return []
    throw error
  }
}

async function readEmails(http: ProviderHttp, window: Window, rest: Cursor): Promise<Step> {
  const { json } = await http.request({ method: 'GET', path: pagePath('/emails', rest.after), isRepeatable: true })
  const page = answerOf(emailsForm, json)
  const emails = page.data.filter((email) => isWithin(email, window))
  const after = isBefore(page.data.at(-1), window) ? null : nextOf(page)
  return {
    events: emails.flatMap((email) => eventsProvenBy(email.id, email, Date.now())),
    rest: { ...rest, after, emails: after !== null },
  }
}

interface Dated {
  readonly created_at?: string | null | undefined
}

function isWithin({ created_at }: Dated, { from, to }: Window): boolean {
  const createdAt = timeIn([created_at])
  return createdAt !== null && createdAt >= from && createdAt < to
}

/** Whether the entry, and so all that follow it, are older than the window. */
function isBefore(entry: Dated | undefined, { from }: Window): boolean {
  const createdAt = timeIn([entry?.created_at])
  return createdAt !== null && createdAt < from
}
