/**
 * The events of a message, `GET /messages/{id}/events`. They have neither the IDs of webhooks nor recipients, so their IDs are our own, and an event
 * of several recipients names none.
 */
import { z } from 'zod'
import type { ReceivedEvent } from '../../domain/events.ts'
import { reconciledIdOf } from '../event-builder.ts'
import { timeIn } from '../fields.ts'
import type { LettermintRequests } from './requests.ts'
import { lettermint } from './webhook.ts'

const recipients = z.array(z.object({ email: z.string() })).nullish()

/** In the answer about a message, and in the list of messages. */
export const messageForm = z.object({
  id: z.string().min(1),
  to: recipients,
  cc: recipients,
  bcc: recipients,
  subject: z.string().nullish(),
  tag: z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  created_at: z.string().nullish(),
})
type Message = z.infer<typeof messageForm>

const eventForm = z.object({ event: z.string(), timestamp: z.string().refine((text) => timeIn([text]) !== null) })
const eventsForm = z.object({ data: z.array(eventForm), next_cursor: z.string().nullish() })

/** A message to 50 recipients has some events for each: of more than this, the oldest are read. */
const pageLimit = 5

/**
 * The words of webhooks by those of the API. `processed`: "handed over to our sending infrastructure" (lettermint.co/knowledge-base,
 * "Understanding email statuses"). Left out is what no webhook is known to report.
 */
const words = new Map([
  ['queued', 'created'],
  ['processed', 'sent'],
  ...['suppressed', 'delivered', 'soft_bounced', 'hard_bounced'].map((word) => [word, word] as const),
  ...['spam_complaint', 'failed', 'policy_rejected', 'unsubscribed'].map((word) => [word, word] as const),
])

/** The delivery events of a message, each once. */
export async function readMessageEvents(requests: LettermintRequests, message: Message): Promise<ReceivedEvent[]> {
  const path = `/messages/${encodeURIComponent(message.id)}/events`
  const found = new Map<string, ReceivedEvent>()
  let cursor: string | null | undefined
  for (let page = 0; page < pageLimit && cursor !== null; page += 1) {
    const query = { sort: 'timestamp', 'page[size]': '100', ...(cursor && { 'page[cursor]': cursor }) }
    const answer = await requests.get(eventsForm, path, query)
    const now = Date.now()
    for (const event of (answer?.data ?? []).flatMap((one) => eventsIn(message, one, now))) {
      if (!found.has(event.id)) found.set(event.id, event)
    }
    cursor = answer?.next_cursor ?? null
  }
  return [...found.values()]
}

/** Parsed as the webhook would be. That one of several recipients has the email does not prove that the others have it. */
function eventsIn(message: Message, { event, timestamp }: z.infer<typeof eventForm>, now: number): ReceivedEvent[] {
  const { id: message_id, to, cc, bcc, subject, tag, metadata } = message
  const [only, ...others] = [to, cc, bcc].flatMap((list) => list ?? [])
  const word = event === 'delivered' && others.length > 0 ? 'sent' : words.get(event)
  if (word === undefined) return []
  const recipient = others.length === 0 ? only?.email : undefined
  const data = { message_id, recipient, subject, tag, metadata, to, cc: cc ?? [], bcc: bcc ?? [] }
  const payload = JSON.stringify({ source: 'reconcile', event, timestamp })
  return lettermint
    .eventsOf({ id: event, event: `message.${word}`, created_at: timestamp, data }, now, payload)
    .map((found) => ({ ...found, id: idOf(found, timestamp) }))
}

/** Each delay is a further event. */
function idOf({ emailId, type, bounce }: ReceivedEvent, timestamp: string): string {
  const id = reconciledIdOf(emailId, type, bounce)
  return bounce?.isOver === false ? `${id}:${timestamp}` : id
}
