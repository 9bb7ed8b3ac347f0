/**
 * Mailchimp Transactional's answer about one email, `POST /messages/info`. Source: its OpenAPI document (github.com/mailchimp/mailchimp-client-lib-codegen,
 * spec/transactional.openapi.json, 1.4.0). What it says is written as the webhooks about it, so that both become the same events.
 *
 * It has no list of what happened to all emails: `messages/search` takes whole days, answers a thousand emails at most, and names no next page.
 */
import { z } from 'zod'
import type { ReceivedEvent } from '../../domain/events.ts'
import { withOneDelay } from '../event-builder.ts'
import type { ApiOptions, ProviderApi } from '../provider-api.ts'
import { createAsk } from './ask.ts'
import { createSuppressionLists } from './suppression-lists.ts'
import { mandrill } from './webhook.ts'

const attemptForm = z.looseObject({
  ts: z.number(),
  type: z.string(),
  diag: z.string().nullish(),
  /** Empty for a step at Mandrill itself. */
  destination_ip: z.string().nullish(),
})
type Attempt = z.infer<typeof attemptForm>

const messageForm = z.looseObject({
  _id: z.string().min(1),
  /** When Mandrill got it, epoch seconds. */
  ts: z.number(),
  state: z.string(),
  smtp_events: z.array(attemptForm).nullish(),
})
type Message = z.infer<typeof messageForm>

/**
 * The word of the webhook about a state. The states are those of `msg.state` in the examples of webhooks, which names an email by the last thing
 * that became of it. Those of an email that has no outcome are left out: `queued`, `scheduled`, `deferred`, `canceled`.
 */
const outcomes: Readonly<Record<string, string>> = {
  bounced: 'hard_bounce',
  'soft-bounced': 'soft_bounce',
  rejected: 'reject',
  spam: 'spam',
  unsub: 'unsub',
}

/** "Message has been sent, but the receiving server has indicated mail is being delivered too quickly" is `deferred` (support article 205583217). */
const sentStates: readonly string[] = ['sent', 'deferred', 'spam', 'unsub']

export function createMandrillApi(options: ApiOptions): ProviderApi {
  const ask = createAsk(options)
  return {
    async fetchEvents({ emailId }) {
      const message = await ask(messageForm, 'messages/info', { id: emailId })
      return message?._id === emailId ? eventsIn(message, Date.now()) : []
    },
    suppressionLists: createSuppressionLists(ask),
  }
}

/** When an email bounced or was complained about is not answered: it is dated by the last attempt, until which it had not happened. */
function eventsIn(message: Message, now: number): ReceivedEvent[] {
  const attempts = message.smtp_events ?? []
  const delays = attempts.filter(({ type }) => type === 'deferred')
  const accepted = attempts.find(isAcceptance)
  const outcome = Object.hasOwn(outcomes, message.state) ? outcomes[message.state] : undefined
  const lastAt = Math.max(message.ts, ...attempts.map(({ ts }) => ts))
  const entries = [
    ...(accepted || sentStates.includes(message.state) ? entryOf(message, 'send', message.ts) : []),
    ...delays.flatMap((attempt) => entryOfAttempt(message, 'deferral', attempt)),
    ...(accepted ? entryOfAttempt(message, 'delivered', accepted) : []),
    ...(outcome === undefined ? [] : entryOf(message, outcome, lastAt)),
  ]
  return withOneDelay(entries.flatMap((entry) => mandrill.eventsOf(entry, now)))
}

/** A reply of success by the recipient's server. The document names such attempts `delivered`, captured webhooks `sent`. */
const isAcceptance = ({ type, diag, destination_ip }: Attempt): boolean =>
  (type === 'delivered' || type === 'sent') && /^2\d\d\b/.test(diag ?? '') && destination_ip !== ''

/** With its own reply, not that of the last attempt. */
const entryOfAttempt = (message: Message, event: string, attempt: Attempt) =>
  entryOf({ ...message, diag: attempt.diag, smtp_events: [attempt] }, event, attempt.ts)

/** As a webhook writes it, without who opened and clicked. */
function entryOf({ opens_detail, clicks_detail, ...msg }: Message, event: string, ts: number) {
  return [{ event, _id: msg._id, ts, msg }]
}
