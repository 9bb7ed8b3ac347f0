/** What Scaleway's record of an email proves: its status and its last three tries, without the IDs of webhooks' events. */
import { z } from 'zod'
import type { ReceivedEvent } from '../../domain/events.ts'
import { createAdapter } from '../adapter.ts'
import { reconciledIdOf } from '../event-builder.ts'
import { scalewayForm } from './webhook.ts'

const tryForm = z.object({
  rank: z.number(),
  tried_at: z.string().nullish(),
  /** 0 for a try that reached no server. */
  code: z.number(),
  message: z.string(),
})

/** In the answer about one email, and in the list of emails. */
export const emailForm = z.object({
  id: z.string().min(1),
  message_id: z.string().nullish(),
  project_id: z.string(),
  mail_rcpt: z.string(),
  subject: z.string().nullish(),
  created_at: z.string().nullish(),
  updated_at: z.string().nullish(),
  status: z.string(),
  last_tries: z.array(tryForm).nullish(),
  flags: z.array(z.string()).nullish(),
})
type ScalewayEmail = z.infer<typeof emailForm>

/** The webhook's word for a failure, by the flag of the email. The first that it has; without one, the reply decides. */
const failures = [
  ['blocklisted', 'email_blocklisted'],
  ['spam', 'email_spam'],
  ['mailbox_not_found', 'email_mailbox_not_found'],
] as const

/** @param now epoch milliseconds; the time of an event that the record does not date. */
export function eventsProvenBy(email: ScalewayEmail, now: number): ReceivedEvent[] {
  const lastTry = email.last_tries?.toSorted((one, other) => other.rank - one.rank)[0]
  const word = outcomeOf(email, lastTry !== undefined)
  const triedAt = lastTry?.tried_at ?? email.updated_at
  return [
    eventOf(email, 'email_queued', email.created_at, undefined, now),
    ...(word === null ? [] : [eventOf(email, word, triedAt, lastTry, now)]),
  ].flat()
}

/** Null where nothing but the acceptance is known, also of a cancelled email. */
function outcomeOf({ status, flags }: ScalewayEmail, isTried: boolean): string | null {
  if (status === 'sent') return 'email_delivered'
  if (status === 'failed') return failures.find(([flag]) => flags?.includes(flag))?.[1] ?? 'email_dropped'
  return status === 'sending' && isTried ? 'email_deferred' : null
}

/** Nothing is verified in an answer of the API. */
const records = createAdapter({ ...scalewayForm, verify: () => false })

/** Parsed as the webhook's event would be. The payload names no address. */
function eventOf(
  { id, message_id, mail_rcpt, subject, flags }: ScalewayEmail,
  type: string,
  at: string | null | undefined,
  lastTry: z.infer<typeof tryForm> | undefined,
  now: number,
): ReceivedEvent[] {
  const headers = { Subject: subject, 'Message-Id': message_id }
  const entry = {
    ...{ id: type, type, email_id: id, email_to: mail_rcpt, created_at: at },
    email_headers: Object.entries(headers).map(([key, value]) => ({ key, value })),
    ...(lastTry && { email_response_code: lastTry.code, email_response_message: lastTry.message }),
    ...(flags?.includes('mailbox_full') && { blocklist_type: 'mailbox_full' }),
  }
  const payload = JSON.stringify({ source: 'reconcile', type, created_at: at, flags })
  return records
    .eventsOf(entry, now, payload)
    .map((event) => ({ ...event, id: reconciledIdOf(event.emailId, event.type, event.bounce) }))
}
