/**
 * A stand-in for Mailchimp Transactional: `messages/info` and the denylist by its OpenAPI document
 * (github.com/mailchimp/mailchimp-client-lib-codegen, spec/transactional.openapi.json, 1.4.0), with the states of the examples of its webhooks.
 */
import { z } from 'zod'
import type { SuppressionReason } from '../domain/suppression.ts'
import { mandrillEntry } from '../providers/mandrill/entry.ts'
import { type RecordedEmail, type RecordedEvent, recordEvents } from './recorded-events.ts'
import { type StandInAnswer, type StandInRequest, type StandInServer, startStandInServer } from './server.ts'
import type { ProviderStandIn, StandInOptions } from './stand-in.ts'

export interface MandrillStandIn extends ProviderStandIn {
  readonly requests: StandInServer['requests']
  /** Adds an entry to the denylist, or changes that of the address. */
  reject(email: string, reason: string, facts?: object): void
  /** How the answer about an email differs from what is documented. Default: not at all. */
  setMessageChange(change: (message: object) => object): void
}

interface MandrillStandInOptions extends StandInOptions {
  /** As version 1.0 of the API answers every error, whose name alone says what it is. */
  readonly errorStatus?: 500
}

interface Truth {
  readonly emails: ReadonlyMap<string, RecordedEmail>
  readonly rejects: Map<string, ReturnType<typeof rejectOf>>
  readonly clock: () => number
  readonly isVisible: (event: RecordedEvent) => boolean
  messageChange: (message: object) => object
}

export async function startMandrillStandIn(options: MandrillStandInOptions = {}): Promise<MandrillStandIn> {
  const { clock = Date.now, apiKey = 'md-key-of-the-stand-in', port = 0 } = options
  const status = options.errorStatus && { status: options.errorStatus }
  const { emails, addEmail, addEvent, webhooks } = recordEvents(mandrillEntry, options)
  const truth: Truth = {
    ...{ emails, clock, rejects: new Map(), messageChange: (message: object) => message },
    isVisible: ({ at }) => server.isVisible(at),
  }
  const server = await startStandInServer({
    ...{ clock, port },
    isAuthorized: ({ body }) => parameters.parse(JSON.parse(body)).key === apiKey,
    refusal: { ...errorOf(401, 'Invalid_Key'), ...status },
    answer: (request) => {
      const answer = answerTo(request, truth)
      return answer.status < 400 ? answer : { ...answer, ...status }
    },
  })
  const reject: MandrillStandIn['reject'] = (email, reason, facts = {}) => {
    truth.rejects.set(email, { ...rejectOf(email, reason, clock()), ...facts })
  }
  return {
    ...{ apiUrl: server.apiUrl, apiKey, requests: server.requests },
    ...{ addEmail, addEvent, webhooks, reject },
    suppress: (address, reason) => reject(address, reasons[reason]),
    setMessageChange(change) {
      truth.messageChange = change
    },
    setFaults: server.setFaults,
    requestCount: server.requestCount,
    close: server.close,
  }
}

const reasons: Readonly<Record<SuppressionReason, string>> = {
  hard_bounce: 'hard-bounce',
  repeated_soft_bounces: 'soft-bounce',
  complaint: 'spam',
  manual: 'custom',
}

const parameters = z.strictObject({
  key: z.string(),
  id: z.string().optional(),
  email: z.string().optional(),
  subaccount: z.string().optional(),
})

const errorOf = (status: number, name: string): StandInAnswer => ({
  status,
  body: { status: 'error', code: status, name, message: name },
})

const listedAtMost = 1_000

function answerTo({ path, body }: StandInRequest, truth: Truth): StandInAnswer {
  const { id = '', email = '' } = parameters.parse(JSON.parse(body))
  const { rejects, clock } = truth
  switch (path) {
    case '/api/1.0/messages/info': {
      const found = truth.emails.get(id)
      return found ? { status: 200, body: messageOf(found, truth) } : errorOf(404, 'Unknown_Message')
    }
    case '/api/1.0/rejects/list':
      return {
        status: 200,
        body: [...rejects.values()].filter((entry) => !email || entry.email === email).slice(0, listedAtMost),
      }
    case '/api/1.0/rejects/add':
      rejects.set(email, rejects.get(email) ?? rejectOf(email, 'custom', clock()))
      return { status: 200, body: { email, added: true } }
    case '/api/1.0/rejects/delete':
      return rejects.delete(email) ? { status: 200, body: { email, deleted: true } } : errorOf(404, 'Invalid_Reject')
    default:
      return errorOf(404, 'Unknown_Call')
  }
}

const rejectOf = (email: string, reason: string, at: number) => ({
  ...{ email, reason, detail: '', created_at: textOf(at), last_event_at: textOf(at) },
  ...{ expires_at: textOf(at + 30 * 86_400_000), expired: false, sender: null, subaccount: null },
})

/** `2023-01-15 10:30:00`. */
const textOf = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ')

interface Posted {
  readonly event: string
  readonly ts: number
  readonly msg: { readonly smtp_events?: readonly object[] }
}

/** The state in which each webhook leaves the email. */
const states: Readonly<Record<string, string>> = {
  ...{ deferral: 'deferred', hard_bounce: 'bounced', soft_bounce: 'soft-bounced', spam: 'spam' },
}

function messageOf({ emailId, to, subject, sentAt, events }: RecordedEmail, truth: Truth): object {
  const posted = events
    .filter(truth.isVisible)
    .flatMap(({ body }): Posted[] => JSON.parse(body))
    .sort((one, other) => one.ts - other.ts)
  const sent = posted.find(({ event }) => event === 'send')
  const last = posted.findLast(({ event }) => ['send', 'delivered', ...Object.keys(states)].includes(event))
  return truth.messageChange({
    ...{ _id: emailId, email: to[0], subject, sender: 'hello@example.com', template: null, tags: [] },
    ...last?.msg,
    bgtools_code: undefined,
    ts: sent?.ts ?? Math.floor(sentAt / 1_000),
    state: last ? (states[last.event] ?? 'sent') : 'queued',
    smtp_events: posted.flatMap(attemptsOf),
    ...{ opens: 0, opens_detail: [], clicks: 0, clicks_detail: [], resends: [], reject: null, subaccount: null },
  })
}

/** A webhook about a delay has its attempt, with the reply. */
function attemptsOf({ event, ts, msg }: Posted): object[] {
  const route = { ts, source_ip: '198.2.128.3', destination_ip: '192.0.2.25', size: 19_486 }
  if (event === 'delivered') return [{ ...route, type: 'sent', diag: '250 2.0.0 OK' }]
  return event === 'deferral' ? (msg.smtp_events ?? []).map((attempt) => ({ ...route, ...attempt })) : []
}
