/**
 * A stand-in for SendGrid: its Email Logs and suppression lists, from github.com/twilio/sendgrid-oai (tsg_logs_v3 and tsg_suppressions_v3
 * 1.0.0, January 2026), and its Event Webhook.
 */
import { eventIdOf } from '../providers/event-builder.ts'
import { jsonIn } from '../providers/fields.ts'
import type { SampleEvent, SignedRequest } from '../providers/sample.ts'
import { generateSendgridKeys, sendgridFormat, signSendgrid } from '../providers/sendgrid/sample.ts'
import { changeSendgridLists } from './list-changes.ts'
import { type StandInAnswer, type StandInRequest, startStandInServer } from './server.ts'
import {
  engagementOf,
  type ProviderStandIn,
  type StandInEmail,
  type StandInEvent,
  type StandInOptions,
} from './stand-in.ts'

type Entry = Readonly<Record<string, unknown>>

/** What SendGrid keeps of an email to one recipient. */
interface Message {
  readonly id: string
  readonly email: StandInEmail
  readonly recipient: string
  readonly createdAt: number
  /** Its place in answers, which have no order. */
  readonly place: string
  readonly events: { readonly at: number; readonly webhook: Entry; readonly log: Entry }[]
}

type ListName = 'bounces' | 'blocks' | 'invalid_emails' | 'spam_reports' | 'unsubscribes'

export interface SendgridStandIn extends ProviderStandIn {
  readonly requests: readonly StandInRequest[]
  /** Adds to any of SendGrid's lists. */
  list(name: ListName, address: string): void
}

const listsByReason: Partial<Record<string, ListName>> = {
  hard_bounce: 'bounces',
  complaint: 'spam_reports',
  manual: 'unsubscribes',
}

/** With these reasons SendGrid drops an email, without an attempt. */
export const dropReasons = [
  'Bounced Address',
  'Invalid',
  'Spam Reporting Address',
  'Unsubscribed Address',
  'Spam Content',
]

/**
 * The messages of an email are created when it is added. A bounce with one of {@link dropReasons} as its message is a drop. SendGrid reports
 * neither `queued` nor `sent`: such events are left out.
 */
export async function startSendgridStandIn(options: StandInOptions = {}): Promise<SendgridStandIn> {
  const { clock = Date.now, webhookSecret = generateSendgridKeys().signing, port } = options
  const { apiKey = 'SG.stand-in' } = options
  const messages = new Messages()
  const lists = new Map<string, { readonly created: number; readonly email: string }[]>()
  const sent: Entry[] = []
  const sign = (entry: Entry): SignedRequest => signSendgrid(JSON.stringify([entry]), webhookSecret, clock())

  const visible = (message: Message) => message.events.filter(({ at }) => server.isVisible(at))
  const answer = (request: StandInRequest): StandInAnswer => {
    if (request.method === 'POST' && request.path === '/v3/logs')
      return search(messages.all, visible, jsonIn(request.body))
    const [, messageId] = /^\/v3\/logs\/(.+)$/.exec(request.path) ?? []
    if (messageId !== undefined) return details(messages.byId.get(messageId), visible)
    const changed = changeSendgridLists(request, lists, clock())
    if (changed) return changed
    const [, list] = /^\/v3\/suppression\/(\w+)$/.exec(request.path) ?? []
    return list === undefined ? refused(404, 'not found') : pageOf(lists.get(list) ?? [], request.query)
  }
  const server = await startStandInServer({
    isAuthorized: ({ headers }) => headers.authorization === `Bearer ${apiKey}`,
    refusal: refused(401, 'authorization required'),
    answer,
    clock,
    ...(port !== undefined && { port }),
  })

  const list = (name: ListName, address: string) => {
    lists.set(name, [...(lists.get(name) ?? []), { created: Math.floor(clock() / 1_000), email: address }])
  }
  return {
    apiUrl: server.apiUrl,
    apiKey,
    requests: server.requests,
    addEmail: (email) => messages.add(messagesOf(email, email.sentAt ?? clock())),
    addEvent(emailId, event) {
      const added = entriesOf(messages.ofEmail(emailId), emailId, event)
      sent.push(...added)
      return added.map((entry) => () => sign(entry))
    },
    list,
    suppress(address, reason) {
      const name = listsByReason[reason]
      if (!name) throw new Error(`SendGrid has no list for ${reason}`)
      list(name, address)
    },
    webhooks: () => sent.map(sign),
    setFaults: server.setFaults,
    requestCount: server.requestCount,
    close: server.close,
  }
}

/** Found by their IDs without a search: there may be 100,000. */
class Messages {
  readonly all: Message[] = []
  readonly byId = new Map<string, Message>()
  readonly #byEmail = new Map<string, readonly Message[]>()

  add(ofEmail: readonly Message[]): void {
    this.all.push(...ofEmail)
    for (const message of ofEmail) this.byId.set(message.id, message)
    const [first] = ofEmail
    if (first) this.#byEmail.set(first.email.emailId, ofEmail)
  }

  ofEmail = (emailId: string): readonly Message[] => this.#byEmail.get(emailId) ?? []
}

const messagesOf = (email: StandInEmail, createdAt: number): Message[] =>
  email.to.map((recipient, index) => ({
    id: `${email.emailId}.recvd-85abf8d92c-2-7890E356.${index}`,
    place: eventIdOf(email.emailId, index),
    ...{ email, recipient, createdAt, events: [] },
  }))

/** Adds an event to the messages that it is about. @returns its entries in webhooks. */
function entriesOf(ofEmail: readonly Message[], emailId: string, { bounce, ...event }: StandInEvent): Entry[] {
  const [first] = ofEmail
  if (!first) throw new Error(`there is no email ${emailId}`)
  const email = { id: emailId, ...first.email, tags: [] }
  const sample: SampleEvent = {
    id: `${emailId} ${eventIdOf(event, bounce)}`,
    ...event,
    bounce: bounce ?? null,
    engagement: engagementOf(event),
  }
  return sendgridFormat.adapt({ ...sample, at: new Date(event.at) }, email).flatMap((adapted) => {
    const message = ofEmail.find(({ recipient }) => recipient === adapted.recipient)
    const at = new Date(Math.floor(event.at / 1_000) * 1_000)
    const [entry] = JSON.parse(sendgridFormat.bodyOf([{ ...adapted, at }], email)) as Entry[]
    if (!message || !entry || entry['event'] === undefined) return []
    const written = { ...asWritten(entry), sg_message_id: message.id }
    message.events.push({ at: event.at, webhook: written, log: asLogged(written) })
    return [written]
  })
}

/** What the samples leave out. */
function asWritten(entry: Entry): Entry {
  const reason = String(entry['reason'])
  if (entry['event'] === 'bounce' && dropReasons.includes(reason)) {
    const { type: _, bounce_classification: __, ...facts } = entry
    return { ...facts, event: 'dropped', reason, status: '5.0.0' }
  }
  const ofServer = { ip: '192.0.2.25', tls: 1 }
  if (entry['event'] === 'delivered') return { ...entry, ...ofServer, response: '250 2.0.0 OK' }
  if (entry['event'] !== 'deferred') return entry['event'] === 'bounce' ? { ...entry, ...ofServer } : entry
  const { status: _, ...facts } = entry
  return { ...facts, ...ofServer }
}

/** A dropped email has no `status` in Email Logs. */
function asLogged(entry: Entry): Entry {
  const { status: _, ...facts } = entry
  return entry['event'] === 'dropped' ? facts : entry
}

const refused = (status: number, message: string): StandInAnswer => ({
  status,
  body: { errors: [{ field: null, message }] },
})

type Visible = (message: Message) => Message['events']

function search(messages: readonly Message[], visible: Visible, body: unknown): StandInAnswer {
  const { query = '', limit = 10 } = (body ?? {}) as { query?: string; limit?: number }
  if (limit < 1 || limit > 1_000) return refused(400, 'limit')
  const matches = query === '' ? [] : query.split(' AND ').map(conditionOf)
  if (matches.includes(null)) return refused(400, 'query')
  const found = messages
    .filter((message) => matches.every((match) => match?.(message, visible)))
    .map((message) => ({ message, events: visible(message) }))
    .filter(({ events }) => events.length > 0)
  const sorted = found.toSorted((one, other) => (one.message.place < other.message.place ? -1 : 1))
  const listed = sorted.slice(0, limit).map(({ message, events }) => ({
    ...summaryOf(message, events),
    sg_message_id_created_at: new Date(message.createdAt).toISOString(),
  }))
  return { status: 200, body: { messages: listed } }
}

type Condition = (message: Message, visible: Visible) => boolean

/** Null for a condition that is not documented. */
function conditionOf(text: string): Condition | null {
  const [, recipient] = /^to_email = "([^"]*)"$/.exec(text) ?? []
  if (recipient !== undefined) return (message) => message.recipient === recipient
  const [, statuses] = /^status IN \(('\w+'(?:, '\w+')*)\)$/.exec(text) ?? []
  if (statuses !== undefined) return (message, visible) => statuses.includes(`'${statusOf(visible(message))}'`)
  const [, operator, time] = /^sg_message_id_created_at (>|<|>=|<=) TIMESTAMP "([^"]+Z)"$/.exec(text) ?? []
  const at = Date.parse(time ?? '')
  if (Number.isNaN(at)) return null
  return ({ createdAt }) =>
    (operator?.startsWith('>') ? createdAt > at : createdAt < at) ||
    (operator?.endsWith('=') === true && createdAt === at)
}

const summaryOf = ({ id, email, recipient }: Message, events: Message['events']) => ({
  ...{ from_email: 'shop@example.com', sg_message_id: id, subject: email.subject, to_email: recipient },
  status: statusOf(events),
})

function statusOf(events: Message['events']): string {
  const { event, type } = events.at(-1)?.log ?? {}
  if (event === 'bounce') return type === 'blocked' ? 'blocked' : 'bounced'
  return event === 'processed' || event === 'deferred' || event === 'dropped' ? event : 'delivered'
}

function details(message: Message | undefined, visible: Visible): StandInAnswer {
  const events = message ? visible(message) : []
  if (!message || events.length === 0) return refused(404, 'not found')
  const entries = events.map(({ log }) => log).slice(-100)
  return {
    status: 200,
    body: { ...summaryOf(message, events), api_key_id: '', client_ip: '192.0.2.1', events: entries.toReversed() },
  }
}

function pageOf(entries: readonly unknown[], query: URLSearchParams): StandInAnswer {
  const [limit, offset] = [Number(query.get('limit') ?? 500), Number(query.get('offset') ?? 0)]
  if (!(limit >= 1 && limit <= 500 && offset >= 0)) return refused(400, 'limit')
  return { status: 200, body: entries.slice(offset, offset + limit) }
}
