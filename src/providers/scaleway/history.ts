/**
 * Scaleway's record of all emails: the logs of the webhooks, and for a domain whose webhook has not all delivery events, or that has none, the
 * list of its emails (`GET /emails`), which holds their status alone.
 */
import { z } from 'zod'
import { jsonIn, timeIn } from '../fields.ts'
import type { EventHistory, HistoryPage } from '../provider-api.ts'
import { emailForm, eventsProvenBy } from './email-status.ts'
import { pageSize, requestsPerSecond, type ScalewayRequests, type ScalewayWebhook } from './requests.ts'
import { deliveryTypes, readLog } from './webhook-log.ts'

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000]

/** How long before the window an email may have been created whose delivery in the window is found in the list. */
const deliveryTimeMs = hourMs

/** What is left to read, the logs first: what they have is not looked for under another ID. */
const cursorForm = z.object({
  /** IDs of webhooks. */
  logs: z.array(z.string()),
  /** IDs of domains. */
  lists: z.array(z.string()),
  /** Of the first log, or of the first list. */
  page: z.int().min(1),
})
type Cursor = z.infer<typeof cursorForm>
type Window = Parameters<EventHistory['read']>[0]

const emailsForm = z.object({ emails: z.array(emailForm) })

/** Retention and delay are our own, since Scaleway publishes neither. */
export const historyThrough = (requests: ScalewayRequests): EventHistory => ({
  retainedMs: 30 * dayMs,
  requestsPerSecond,
  delayMs: 5 * minuteMs,

  async read(window, cursor) {
    if (cursor === null) return { events: [], next: nextOf(await start(requests, window)), requests: 2 }
    const place = cursorForm.parse(jsonIn(cursor))
    const page = await (place.logs.length > 0 ? readLogged : readListed)(requests, window, place)
    const isWithin = ({ occurredAt }: { occurredAt: number }) => window.from <= occurredAt && occurredAt < window.to
    return { ...page, events: page.events.filter(isWithin) }
  },
})

const nextOf = (cursor: Cursor): string | null =>
  cursor.logs.length + cursor.lists.length === 0 ? null : JSON.stringify(cursor)

async function start(requests: ScalewayRequests, { from }: Window): Promise<Cursor> {
  const [webhooks, domains] = [await requests.webhooks(), await requests.domains()]
  const complete = new Set(webhooks.filter((webhook) => hasAll(webhook, from)).map(({ domain_id }) => domain_id))
  return { logs: webhooks.map(({ id }) => id), lists: domains.filter((id) => !complete.has(id)), page: 1 }
}

/** Whether the log of a webhook holds every delivery event since `from`. */
function hasAll({ event_types, created_at }: ScalewayWebhook, from: number): boolean {
  const createdAt = timeIn([created_at])
  return createdAt !== null && createdAt <= from && deliveryTypes.every((type) => event_types.includes(type))
}

/** The newest first: an event that is added meanwhile moves the others to a later page, so that none is missed. */
async function readLogged(requests: ScalewayRequests, { from }: Window, place: Cursor): Promise<HistoryPage> {
  const [log = '', ...logs] = place.logs
  const { events, oldestAt, isLast } = await readLog(requests, log, place.page)
  const isOver = isLast || (oldestAt !== null && oldestAt < from)
  return { events, next: nextOf(isOver ? { ...place, logs, page: 1 } : { ...place, page: place.page + 1 }) }
}

async function readListed(requests: ScalewayRequests, { from, to }: Window, place: Cursor): Promise<HistoryPage> {
  const [domain = '', ...lists] = place.lists
  const answer = await requests.get(emailsForm, '/emails', {
    ...{ domain_id: domain, page: place.page, page_size: pageSize, order_by: 'created_at_asc' },
    ...{ since: new Date(from - deliveryTimeMs).toISOString(), until: new Date(to).toISOString() },
  })
  const emails = answer?.emails ?? []
  const isOver = emails.length < pageSize
  const now = Date.now()
  return {
    events: emails.flatMap((email) => eventsProvenBy(email, now)),
    next: nextOf(isOver ? { ...place, lists, page: 1 } : { ...place, page: place.page + 1 }),
  }
}
