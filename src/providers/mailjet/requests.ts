/**
 * Mailjet's record of its messages, `GET /v3/REST/message` and `GET /v3/REST/messagehistory/{id}`. Sources: mailjet/api-documentation,
 * guides/_getting-started2.md and _api-overview.md; the types of node-mailjet 6.0.11 (declarations/types/api/Message.d.ts); for `hardbounced` and its
 * fields an answer that the tests of a public project have. What it says is written as the webhooks about it, so that both become the same events.
 */
import { z } from 'zod'
import type { ReceivedEvent } from '../../domain/events.ts'
import { withOneDelay } from '../event-builder.ts'
import { idForm, secondsText } from '../fields.ts'
import type { ApiOptions } from '../provider-api.ts'
import { createQuestions } from '../provider-question.ts'
import { hardErrors, mailjet } from './webhook.ts'

const listOf = <T>(entry: z.ZodType<T>) => z.object({ Data: z.array(entry) })

const messageForm = z.object({
  ID: idForm,
  ArrivedAt: z.string(),
  Status: z.string(),
  /** The recipient's address, with `ShowContactAlt`. */
  ContactAlt: z.string(),
  Subject: z.string().nullish(),
  CustomID: z.string().nullish(),
  /** Whether the message's state is permanent. */
  StatePermanent: z.boolean().nullish(),
})
type Message = z.infer<typeof messageForm>

const stepForm = z.object({
  /** Epoch seconds. */
  EventAt: z.number(),
  EventType: z.string(),
  /** Why it failed, in the words of the webhook's `error`; empty otherwise. */
  State: z.string().nullish(),
  Comment: z.string().nullish(),
})
type Step = z.infer<typeof stepForm>

export interface MailjetRequests {
  /** Null if Mailjet knows no such message. @param id digits. */
  message(id: string): Promise<Message | null>
  /** The messages that Mailjet got in a window of time, the oldest first. */
  messages(search: { from: number; to: number; offset: number; limit: number }): Promise<Message[]>
  /** What has become of it, but opens and clicks. */
  eventsOf(message: Message): Promise<ReceivedEvent[]>
}

/** @param options `apiKey` is the API key and the secret key, separated by a colon. */
export function requestsTo(options: ApiOptions): MailjetRequests {
  const get = getterFrom(options)
  return {
    async message(id) {
      const [message] = await get(messageForm, `/message/${id}?${shown}`)
      return message ?? null
    },
    messages: ({ from, to, offset, limit }) => {
      const window = { FromTS: secondsText(from), ToTS: secondsText(to + 999) }
      const page = { Limit: String(limit), Offset: String(offset), Sort: 'ArrivedAt ASC' }
      return get(messageForm, `/message?${shown}&${new URLSearchParams({ ...window, ...page })}`)
    },
    async eventsOf(message) {
      const steps = await get(stepForm, `/messagehistory/${message.ID}`)
      const now = Date.now()
      const entries = steps.flatMap((step) => entriesOf(message, step))
      return withOneDelay(entries.flatMap((entry) => mailjet.eventsOf(entry, now)))
    },
  }
}

const shown = new URLSearchParams({ ShowContactAlt: 'true', ShowSubject: 'true', ShowCustomID: 'true' })

/** @returns a function that answers the entries of a resource; none if there is no such resource. */
function getterFrom(options: ApiOptions) {
  const authorization = `Basic ${Buffer.from(options.apiKey).toString('base64')}`
  const { find } = createQuestions({
    ...options,
    ...{ title: 'Mailjet', keySetting: 'MAILJET_API_KEY' },
    authenticate: async () => ({ authorization }),
  })
  return async <T>(form: z.ZodType<T>, path: string): Promise<T[]> =>
    (await find(listOf(form), `/v3/REST${path}`))?.Data ?? []
}

/** The webhook's word for each. Left out are opens and clicks, and what is about no outcome. */
const words: ReadonlyMap<string, string> = new Map([
  ['sent', 'sent'],
  ['bounced', 'bounce'],
  ['hardbounced', 'bounce'],
  ['softbounced', 'bounce'],
  ['blocked', 'blocked'],
  ['spam', 'spam'],
  ['unsub', 'unsub'],
])

/** `error_related_to` of the webhook, by the reference of `MessageState` and the table of errors in guides/_event-api.md. */
const related: Readonly<Record<string, readonly string[]>> = {
  recipient: ['user unknown', 'mailbox inactive', 'quota exceeded', 'blacklisted', 'spam reporter'],
  domain: ['invalid domain', 'no mail host', 'relay/access denied', 'greylisted', 'typofix'],
  content: ['bad or empty template', 'error in template language'],
  spam: ['sender blocked', 'content blocked', 'policy issue'],
  system: ['system issue', 'protocol issue', 'connection issue'],
  mailjet: ['preblocked', 'duplicate in campaign'],
}

function entriesOf(message: Message, { EventType, EventAt, State, Comment }: Step): object[] {
  const event = words.get(EventType)
  if (event === undefined) return []
  const error = State ?? ''
  return [
    {
      ...{ event, time: EventAt, MessageID: message.ID, email: message.ContactAlt, error, comment: Comment ?? '' },
      hard_bounce: EventType === 'hardbounced' || (EventType === 'bounced' && isHardBy(message, error)),
      error_related_to: Object.keys(related).find((kind) => related[kind]?.includes(error)) ?? '',
      ...{ Subject: message.Subject ?? '', CustomID: message.CustomID ?? '' },
    },
  ]
}

/** Both, since that an address is refused for good must be certain: no more is published on `StatePermanent` than its name. */
const isHardBy = ({ StatePermanent }: Message, error: string): boolean =>
  StatePermanent === true && hardErrors.has(error)
