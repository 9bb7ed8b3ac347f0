/**
 * MailerSend's API. Sources: developers.mailersend.com/api/v1/email/activity and /messages, and the answers that mailersend/mailersend-java and
 * mailersend/mailersend-python have recorded (src/test/resources/fixtures, tests/fixtures/cassettes).
 *
 * An activity has the ID of the webhook about it, as far as their equal form shows; that both are equal is nowhere promised. It names no
 * message, and cannot be searched by one: so there is no record of all emails, and of one email the activities around its last change of
 * status are searched. A status without such an activity proves the outcome under an ID of our own.
 */
import { z } from 'zod'
import type { ReceivedEvent } from '../../domain/events.ts'
import { messageIdKey } from '../custom-fields.ts'
import { reconciledIdOf } from '../event-builder.ts'
import { timeIn } from '../fields.ts'
import type { ApiOptions, ProviderApi } from '../provider-api.ts'
import { createMailersendRequests, type MailersendRequests, pageSize } from './requests.ts'
import { suppressionListsThrough } from './suppression-lists.ts'
import { mailersend } from './webhook.ts'

export type MailersendApi = ProviderApi & Required<Pick<ProviderApi, 'suppressionLists'>>

/** Those that webhooks report too, but for opens, clicks and surveys. `suppressed` is refused on some plans, for all of the question. */
const deliveryEvents = [
  ...['sent', 'delivered', 'soft_bounced', 'hard_bounced', 'deferred', 'unsubscribed', 'spam_complaints'],
]

/** Of a busy time, this many activities at most are read: ten requests a minute are allowed. */
const pageLimit = 3

/** An activity is dated some milliseconds after the change of the status, and times may be whole seconds. */
const [beforeMs, afterMs] = [5_000, 30_000]

/** One of them for each recipient. */
const emailForm = z.object({
  id: z.string().min(1),
  /** `queued`, `sent`, `delivered`, `rejected`. */
  status: z.string(),
  updated_at: z.string().refine((text) => timeIn([text]) !== null),
})
type MailersendEmail = z.infer<typeof emailForm>

const messageForm = z.object({
  data: z.object({
    /** Absent until MailerSend has stored them. */
    emails: z.array(emailForm).nullish(),
    domain: z.object({ id: z.string().min(1) }),
  }),
})

const activityForm = z.object({
  data: z.array(
    z.looseObject({
      id: z.string().min(1),
      type: z.string(),
      created_at: z.string(),
      email: z.looseObject({
        id: z.string(),
        subject: z.string().nullish(),
        recipient: z.object({ email: z.string() }),
      }),
    }),
  ),
})
type Activity = z.infer<typeof activityForm>['data'][number]

export function createMailersendApi(options: ApiOptions): MailersendApi {
  const requests = createMailersendRequests(options)
  return {
    async fetchEvents({ emailId, recipients }) {
      const message = await requests.get(messageForm, `/messages/${encodeURIComponent(emailId)}`)
      const { emails, domain } = message?.data ?? {}
      if (!domain || !emails?.length) return []
      const now = Date.now()
      const found = (await activitiesOf(requests, domain.id, emails, now)).flatMap((activity) =>
        eventsIn(emailId, activity, now),
      )
      const [only] = emails.length === 1 && recipients.length === 1 ? recipients : []
      const isFound = ({ id }: MailersendEmail) =>
        found.some((event) => isOutcome(event) && event.metadata?.[messageIdKey]?.startsWith(`${id}@`))
      const proven = emails.filter((email) => !isFound(email)).flatMap((email) => provenBy(emailId, email, only, now))
      return [...found, ...proven]
    },
    suppressionLists: suppressionListsThrough(requests),
  }
}

/** None where the time is before what the plan keeps, which MailerSend refuses. */
async function activitiesOf(
  requests: MailersendRequests,
  domain: string,
  emails: readonly MailersendEmail[],
  now: number,
): Promise<Activity[]> {
  const changes = emails.filter(isFinished).map(({ updated_at }) => timeIn([updated_at]) ?? now)
  if (changes.length === 0) return []
  const from = Math.floor((Math.min(...changes) - beforeMs) / 1_000)
  const to = Math.max(from + 1, Math.ceil(Math.min(Math.max(...changes) + afterMs, now) / 1_000))
  const ids = new Set(emails.map(({ id }) => id))
  const found: Activity[] = []
  for (let page = 1; page <= pageLimit; page += 1) {
    const query = new URLSearchParams({ page: `${page}`, limit: `${pageSize}`, date_from: `${from}`, date_to: `${to}` })
    for (const event of deliveryEvents) query.append('event[]', event)
    const answer = await requests.ask(activityForm, `/activity/${encodeURIComponent(domain)}?${query}`)
    const activities = answer?.data ?? []
    found.push(...activities.filter(({ email }) => ids.has(email.id)))
    if (activities.length < pageSize) break
  }
  return found
}

const isFinished = ({ status }: MailersendEmail): boolean => status === 'delivered' || status === 'rejected'

const isOutcome = ({ type, bounce }: ReceivedEvent): boolean =>
  type === 'delivered' || (type === 'bounced' && bounce?.isOver === true)

/** As the webhook of version 1 would be read. */
function eventsIn(messageId: string, { id, type, created_at, email }: Activity, now: number): ReceivedEvent[] {
  // The filter's word; the webhook's is the other.
  const word = type === 'spam_complaints' ? 'spam_complaint' : type
  const { tags, subject, recipient } = email
  const data = { id, created_at, email: { id: email.id, subject, tags, recipient, message: { id: messageId } } }
  return mailersend.eventsOf({ type: `activity.${word}`, data }, now)
}

/** A rejection may be a hard bounce or not: it is not held against the recipient. */
function provenBy(
  messageId: string,
  { id, status, updated_at }: MailersendEmail,
  recipient: string | undefined,
  now: number,
): ReceivedEvent[] {
  if (status !== 'delivered' && status !== 'rejected') return []
  const type = status === 'delivered' ? 'activity.delivered' : 'activity.soft_bounced'
  const morph = status === 'rejected' ? { reason: 'status at MailerSend: rejected' } : null
  const email = { id, recipient: { email: recipient }, message: { id: messageId } }
  const data = { id, created_at: updated_at, email, morph }
  const payload = JSON.stringify({ source: 'reconcile', status, updated_at })
  return mailersend
    .eventsOf({ type, data }, now, payload)
    .map((event) => ({ ...event, id: `${reconciledIdOf(messageId, event.type, event.bounce)}:${id}` }))
}
