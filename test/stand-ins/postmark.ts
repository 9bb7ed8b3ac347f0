/**
 * A stand-in for Postmark: its API by postmarkapp.com/developer/api (messages, bounces, message streams, suppressions, error codes), and the
 * webhooks about the same events.
 */
import type { SuppressionReason } from '../../src/domain/suppression.ts'
import { generatePostmarkSecret, postmarkFormat, signPostmark } from '../../src/providers/postmark/sample.ts'
import type { DatedSampleEvent } from '../../src/providers/sample.ts'
import { changePostmarkLists } from './list-changes.ts'
import { type StandInAnswer, type StandInRequest, type StandInServer, startStandInServer } from './server.ts'
import type { ProviderStandIn, StandInEmail, StandInEvent, StandInOptions } from './stand-in.ts'

const apiKey = '6ae1f3d4-0c4b-4a57-9c55-2f0a1f6f4f4e'

/** A webhook's record, from which the API's answers are made too. */
type PostmarkRecord = Readonly<Record<string, unknown>> & { readonly MessageID: string }

interface StoredEvent {
  readonly at: number
  /** `at` as the API writes it. */
  readonly time: string
  readonly record: PostmarkRecord
}

interface StoredEmail extends StandInEmail {
  readonly stream: string
  /** When Postmark received it; no later than its first event. */
  receivedAt: number
  readonly events: StoredEvent[]
}

type SuppressionField = 'EmailAddress' | 'SuppressionReason' | 'Origin' | 'CreatedAt'
type StoredSuppression = Readonly<Record<'stream' | SuppressionField, string>>

export interface PostmarkStandIn extends ProviderStandIn {
  readonly requests: StandInServer['requests']
  /** As Postmark's dashboard and its API for customers do it, or a recipient. */
  suppressInStream(stream: string, address: string, reason: string, origin: string): void
}

export interface PostmarkStandInOptions extends StandInOptions {
  /** `outbound` or `broadcasts`. Default: the first. */
  readonly streamOf?: (emailId: string) => string
  /** How the filters are read in the hour that an autumn night has twice; it is not documented. Default: the second. */
  readonly ambiguousTimesAre?: 'first' | 'second'
}

/** Among the streams of a new server, in the order in which the API names them. */
const streams = [
  { ID: 'broadcasts', MessageStreamType: 'Broadcasts' },
  { ID: 'inbound', MessageStreamType: 'Inbound' },
  { ID: 'outbound', MessageStreamType: 'Transactional' },
].map((stream) => ({ ...stream, ServerID: 23, Name: stream.ID, Description: null, ArchivedAt: null }))

const suppressionOf: Readonly<Record<SuppressionReason, readonly [reason: string, origin: string]>> = {
  hard_bounce: ['HardBounce', 'Recipient'],
  repeated_soft_bounces: ['HardBounce', 'Recipient'],
  complaint: ['SpamComplaint', 'Recipient'],
  manual: ['ManualSuppression', 'Customer'],
}

export async function startPostmarkStandIn(options: PostmarkStandInOptions = {}): Promise<PostmarkStandIn> {
  const { clock = Date.now, webhookSecret = generatePostmarkSecret().signing, streamOf = () => 'outbound' } = options
  const emails = new Map<string, StoredEmail>()
  const events: StoredEvent[] = []
  const suppressions: StoredSuppression[] = []
  const reading = options.ambiguousTimesAre === 'first' ? 0 : -1
  const truth: Truth = { emails, suppressions, reading, isVisible: (at) => server.isVisible(at) }
  const server = await startStandInServer({
    isAuthorized: ({ headers }) => headers['x-postmark-server-token'] === apiKey,
    refusal: refusal(401, 10),
    answer: (request) => changePostmarkLists(request, suppressions, easternText(clock())) ?? answerTo(request, truth),
    clock,
    ...(options.port !== undefined && { port: options.port }),
  })

  const suppressInStream: PostmarkStandIn['suppressInStream'] = (stream, EmailAddress, SuppressionReason, Origin) => {
    suppressions.push({ stream, EmailAddress, SuppressionReason, Origin, CreatedAt: easternText(clock()) })
  }

  return {
    ...{ apiUrl: server.apiUrl, apiKey, requests: server.requests, setFaults: server.setFaults, close: server.close },
    addEmail(email) {
      emails.set(email.emailId, { ...email, stream: streamOf(email.emailId), receivedAt: clock(), events: [] })
    },
    addEvent(emailId, event) {
      const email = emails.get(emailId)
      if (!email) throw new Error(`there is no email ${emailId}`)
      const added = recordsOf(email, event, events.length).map((record) => ({
        at: event.at,
        time: easternText(event.at),
        record,
      }))
      email.receivedAt = Math.min(email.receivedAt, event.at)
      email.events.push(...added)
      events.push(...added)
    },
    suppress: (address, reason) => suppressInStream('outbound', address, ...suppressionOf[reason]),
    suppressInStream,
    webhooks: () => events.map(({ record }) => signPostmark(JSON.stringify(record), webhookSecret, clock())),
  }
}

/** A record for each recipient where Postmark reports each alone. */
function recordsOf(email: StoredEmail, { at, bounce, ...event }: StandInEvent, index: number): PostmarkRecord[] {
  const sample = { id: email.emailId, to: email.to, subject: email.subject, tags: [] }
  const dated: DatedSampleEvent = {
    ...event,
    id: `${email.emailId}-${index}`,
    bounce: bounce ?? null,
    engagement: null,
    at: new Date(at),
  }
  return postmarkFormat.adapt(dated, sample).map((adapted) => ({
    ...JSON.parse(postmarkFormat.bodyOf([adapted], sample)),
    MessageStream: email.stream,
  }))
}

interface Truth {
  readonly emails: ReadonlyMap<string, StoredEmail>
  readonly suppressions: readonly StoredSuppression[]
  /** Which of the times is meant that a filter may mean. */
  readonly reading: 0 | -1
  isVisible(at: number): boolean
}

function answerTo({ path, query }: StandInRequest, truth: Truth): StandInAnswer {
  const [, details] = /^\/messages\/outbound\/([^/]+)\/details$/.exec(path) ?? []
  const [, stream] = /^\/message-streams\/([^/]+)\/suppressions\/dump$/.exec(path) ?? []
  if (details !== undefined) return detailsOf(truth.emails.get(details), truth)
  if (stream !== undefined) return dumpOf(stream, truth)
  if (path === '/messages/outbound') return pageOf('Messages', query, messagesIn(query, truth))
  if (path === '/bounces') return pageOf('Bounces', query, bouncesIn(query, truth))
  if (path === '/message-streams') return answer({ MessageStreams: streams, TotalCount: streams.length })
  return refusal(404, 12)
}

const answer = (body: unknown): StandInAnswer => ({ status: 200, body })
const refusal = (status: number, ErrorCode: number): StandInAnswer => ({
  status,
  body: { ErrorCode, Message: 'Not as a client should ask, ada@example.com.' },
})

function detailsOf(email: StoredEmail | undefined, truth: Truth): StandInAnswer {
  if (!email) return refusal(422, 701)
  const visible = email.events.filter(({ at }) => truth.isVisible(at))
  return answer({
    ...summaryOf(email),
    TextBody: 'Hello',
    HtmlBody: null,
    Body: '…',
    MessageEvents: visible.map(messageEvent),
  })
}

const summaryOf = ({ emailId, to, subject, stream, receivedAt }: StoredEmail) => ({
  ...{ MessageID: emailId, MessageStream: stream, To: to.map((Email) => ({ Email, Name: null })), Cc: [], Bcc: [] },
  ...{ Recipients: to, ReceivedAt: easternText(receivedAt), From: 'hello@example.com', Subject: subject },
  ...{ Attachments: [], Status: 'Sent', Tag: null, Metadata: {}, TrackOpens: true, TrackLinks: 'None' },
})

/** The types of message events by those of records. */
const eventTypes: Readonly<Record<string, string>> = {
  Delivery: 'Delivered',
  Bounce: 'Bounced',
  SpamComplaint: 'Bounced',
  Open: 'Opened',
  Click: 'LinkClicked',
}

/** The API writes times with Eastern Time's offset. */
function messageEvent({ time, record }: StoredEvent) {
  const isDelay = record['Type'] === 'Transient'
  const host = { DestinationServer: 'mx.example.com (192.0.2.1)', DestinationIP: '192.0.2.1' }
  const bounce = { Summary: 'The email account does not exist.', BounceID: String(record['ID']) }
  const reply = { DeliveryMessage: record['Details'], ...host }
  return {
    Recipient: record['Recipient'] ?? record['Email'],
    Type: isDelay ? 'Transient' : eventTypes[String(record['RecordType'])],
    ReceivedAt: time,
    Details: isDelay || record['RecordType'] === 'Delivery' ? reply : bounce,
  }
}

function messagesIn(query: URLSearchParams, truth: Truth) {
  const isAsked = filterOf(query, truth)
  return inStream(query, truth)
    .filter(({ receivedAt }) => isAsked(receivedAt) && truth.isVisible(receivedAt))
    .toSorted((a, b) => b.receivedAt - a.receivedAt)
    .map(summaryOf)
}

/** Complaints too, as bounces of that type. */
function bouncesIn(query: URLSearchParams, truth: Truth) {
  const isAsked = filterOf(query, truth)
  return inStream(query, truth)
    .flatMap(({ events }) => events)
    .filter(({ at, record }) => record['ID'] !== undefined && truth.isVisible(at) && isAsked(at))
    .filter(({ record }) => (query.get('messageID') ?? record.MessageID) === record.MessageID)
    .toSorted((a, b) => b.at - a.at)
    .map(({ time, record }) => ({ ...record, RecordType: 'Bounce', BouncedAt: time }))
}

const inStream = (query: URLSearchParams, { emails }: Truth): StoredEmail[] =>
  [...emails.values()].filter(({ stream }) => stream === (query.get('messagestream') ?? 'outbound'))

/** Whether a time is within the filters of a search. */
function filterOf(query: URLSearchParams, { reading }: Truth): (at: number) => boolean {
  const [from, to] = ['fromdate', 'todate'].map((name) => instantsOf(query.get(name) ?? '').at(reading))
  return (at) => (from ?? Number.NEGATIVE_INFINITY) <= at && at <= (to ?? Number.POSITIVE_INFINITY)
}

/** What a local time of the east of America may mean: two instants in the hour that an autumn night has twice. */
const instantsOf = (local: string): number[] =>
  ['-04:00', '-05:00']
    .map((offset) => Date.parse(`${local}${offset}`))
    .filter((at) => Number.isFinite(at) && easternText(at).startsWith(local))

function pageOf(name: string, query: URLSearchParams, found: readonly unknown[]): StandInAnswer {
  const [count, offset] = [Number(query.get('count') ?? Number.NaN), Number(query.get('offset') ?? Number.NaN)]
  if (!(count >= 1 && count <= 500 && offset >= 0 && count + offset <= 10_000)) return refusal(422, 700)
  return answer({ TotalCount: found.length, [name]: found.slice(offset, offset + count) })
}

function dumpOf(id: string, { suppressions }: Truth): StandInAnswer {
  if (!streams.some(({ ID }) => ID === id)) return refusal(422, 1226)
  return answer({
    Suppressions: suppressions.filter(({ stream }) => stream === id).map(({ stream: _, ...entry }) => entry),
  })
}

const easternParts = new Intl.DateTimeFormat('sv-SE', {
  ...{
    timeZone: 'America/New_York',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  },
  ...{ second: '2-digit', fractionalSecondDigits: 3, timeZoneName: 'longOffset' },
})

/** `2014-02-14T11:13:10.8050000-05:00`. */
function easternText(at: number): string {
  const part = Object.fromEntries(easternParts.formatToParts(at).map(({ type, value }) => [type, value]))
  const offset = String(part['timeZoneName']).replace('GMT', '').replace('\u2212', '-')
  const time = `${part['hour']}:${part['minute']}:${part['second']}.${part['fractionalSecond']}0000`
  return `${part['year']}-${part['month']}-${part['day']}T${time}${offset}`
}
