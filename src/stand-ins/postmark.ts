/**
 * A stand-in for Postmark: its API by postmarkapp.com/developer/api (messages, bounces, message streams, suppressions, error codes), and the
 * webhooks about the same events.
 */
import type { SuppressionReason } from '../domain/suppression.ts'
import { postmarkFormat } from '../providers/postmark/sample.ts'
import { credentialProof } from '../providers/proof.ts'
import type { DatedSampleEvent, SignedRequest } from '../providers/sample.ts'
import { easternInstants, easternText } from './eastern-time.ts'
import { changePostmarkLists } from './list-changes.ts'
import { type StandInAnswer, type StandInRequest, type StandInServer, startStandInServer } from './server.ts'
import {
  engagementOf,
  type ProviderStandIn,
  type StandInEmail,
  type StandInEvent,
  type StandInOptions,
} from './stand-in.ts'

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
  const {
    clock = Date.now,
    webhookSecret = credentialProof.generateSecret().signing,
    streamOf = () => 'outbound',
  } = options
  const { apiKey = '6ae1f3d4-0c4b-4a57-9c55-2f0a1f6f4f4e' } = options
  const emails = new Map<string, StoredEmail>()
  const events: StoredEvent[] = []
  const sign = ({ record }: StoredEvent): SignedRequest =>
    credentialProof.sign(JSON.stringify(record), webhookSecret, clock())
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
    ...{
      apiUrl: server.apiUrl,
      apiKey,
      requests: server.requests,
      setFaults: server.setFaults,
      requestCount: server.requestCount,
      close: server.close,
    },
    addEmail(email) {
      const receivedAt = email.sentAt ?? clock()
      emails.set(email.emailId, { ...email, stream: streamOf(email.emailId), receivedAt, events: [] })
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
      return added.map((event) => () => sign(event))
    },
    suppress: (address, reason) => suppressInStream('outbound', address, ...suppressionOf[reason]),
    suppressInStream,
    webhooks: () => events.map(sign),
  }
}

/** A record for each recipient where Postmark reports each alone. */
function recordsOf(email: StoredEmail, event: StandInEvent, index: number): PostmarkRecord[] {
  const sample = { id: email.emailId, to: email.to, subject: email.subject, tags: [] }
  const dated: DatedSampleEvent = {
    ...event,
    id: `${email.emailId}-${index}`,
    bounce: event.bounce ?? null,
    engagement: engagementOf(event),
    at: new Date(event.at),
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
  if (path === '/messages/outbound') return pageOf('Messages', query, messagesIn(query, truth), summaryOf)
  if (path === '/bounces') return pageOf('Bounces', query, bouncesIn(query, truth), bounceSummary)
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
}

/** Complaints too, as bounces of that type. */
function bouncesIn(query: URLSearchParams, truth: Truth) {
  const isAsked = filterOf(query, truth)
  return inStream(query, truth)
    .flatMap(({ events }) => events)
    .filter(({ at, record }) => record['ID'] !== undefined && truth.isVisible(at) && isAsked(at))
    .filter(({ record }) => (query.get('messageID') ?? record.MessageID) === record.MessageID)
    .toSorted((a, b) => b.at - a.at)
}

const bounceSummary = ({ time, record }: StoredEvent) => ({ ...record, RecordType: 'Bounce', BouncedAt: time })

const inStream = (query: URLSearchParams, { emails }: Truth): StoredEmail[] =>
  [...emails.values()].filter(({ stream }) => stream === (query.get('messagestream') ?? 'outbound'))

/** Whether a time is within the filters of a search. */
function filterOf(query: URLSearchParams, { reading }: Truth): (at: number) => boolean {
  const [from, to] = ['fromdate', 'todate'].map((name) => easternInstants(query.get(name) ?? '').at(reading))
  return (at) => (from ?? Number.NEGATIVE_INFINITY) <= at && at <= (to ?? Number.POSITIVE_INFINITY)
}

function pageOf<T>(
  name: string,
  query: URLSearchParams,
  found: readonly T[],
  written: (one: T) => object,
): StandInAnswer {
  const [count, offset] = [Number(query.get('count') ?? Number.NaN), Number(query.get('offset') ?? Number.NaN)]
  if (!(count >= 1 && count <= 500 && offset >= 0 && count + offset <= 10_000)) return refusal(422, 700)
  return answer({ TotalCount: found.length, [name]: found.slice(offset, offset + count).map(written) })
}

function dumpOf(id: string, { suppressions }: Truth): StandInAnswer {
  if (!streams.some(({ ID }) => ID === id)) return refusal(422, 1226)
  return answer({
    Suppressions: suppressions.filter(({ stream }) => stream === id).map(({ stream: _, ...entry }) => entry),
  })
}
