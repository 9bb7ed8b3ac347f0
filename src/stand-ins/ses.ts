/**
 * A stand-in for Amazon SES, from Amazon's service model (github.com/boto/botocore 1.43.67, sesv2 2019-09-27): `GetMessageInsights` and
 * `ListSuppressedDestinations`, with signed requests; its webhooks come through SNS. As the authors of an emulator observed of SES
 * (github.com/floci-io/floci, 2026-09): emails to several recipients have no insights, sub-types are in capitals, and an account without
 * Virtual Deliverability Manager gets `NotFoundException`.
 */
import { randomBytes } from 'node:crypto'
import type { DatedSampleEvent, SignedRequest } from '../providers/sample.ts'
import { generateSesTopic, sesFormat, signSes } from '../providers/ses/sample.ts'
import { isSignedWith } from './aws-signature.ts'
import { changeSesList } from './list-changes.ts'
import { type StandInAnswer, type StandInRequest, startStandInServer } from './server.ts'
import {
  engagementOf,
  type ProviderStandIn,
  type StandInEmail,
  type StandInEvent,
  type StandInOptions,
} from './stand-in.ts'

export interface SesStandInOptions extends StandInOptions {
  /** Addresses in a page of the suppression list. Default 1,000, as in SES. */
  readonly pageSize?: number
}

export interface SesStandIn extends ProviderStandIn {
  readonly keyId: string
  readonly region: string
  /** The value of `SES_TOPIC_ARNS`; null if the secret of the webhooks was given. */
  readonly acceptedTopic: string | null
  readonly requests: readonly StandInRequest[]
  /** Turns Virtual Deliverability Manager off. */
  withoutInsights(): void
}

interface StoredEmail {
  readonly email: StandInEmail
  readonly events: StandInEvent[]
}

interface SuppressedAddress {
  readonly EmailAddress: string
  readonly Reason: 'BOUNCE' | 'COMPLAINT'
  readonly LastUpdateTime: number
}

export const [standInKeyId, standInRegion] = ['stand-in-key', 'eu-west-1'] as const

export async function startSesStandIn(options: SesStandInOptions = {}): Promise<SesStandIn> {
  const { clock = Date.now, pageSize = 1_000, port } = options
  const [keyId, region] = [standInKeyId, standInRegion]
  const topic = options.webhookSecret === undefined ? generateSesTopic() : null
  const { apiKey: secret = randomBytes(30).toString('base64') } = options
  const emails = new Map<string, StoredEmail>()
  const suppressed: SuppressedAddress[] = []
  const posted: PostedEvent[] = []
  const secretOfTopic = options.webhookSecret ?? topic?.signing ?? ''
  const sign = (body: string): SignedRequest => signSes(body, secretOfTopic, clock())
  let hasInsights = true

  const server = await startStandInServer({
    clock,
    ...(port !== undefined && { port }),
    isAuthorized: (request) => isSignedWith({ keyId, secret, region, service: 'ses' }, request),
    refusal: errorAnswer(403, 'InvalidSignatureException', 'The signature is not that of the request.'),
    answer(request) {
      const changed = changeSesList(request, suppressed, clock())
      if (changed) return changed
      if (request.path === '/v2/email/suppression/addresses') return pageOf(suppressed, request.query, pageSize)
      const [, emailId] = /^\/v2\/email\/insights\/(.+?)\/?$/.exec(request.path) ?? []
      if (emailId === undefined) return errorAnswer(404, 'UnknownOperationException', 'There is no such operation.')
      return hasInsights ? insightsOf(emails.get(emailId), server.isVisible) : withoutManager
    },
  })

  return {
    ...{ apiUrl: server.apiUrl, apiKey: secret, keyId, region, requests: server.requests },
    acceptedTopic: topic?.accepted ?? null,
    withoutInsights() {
      hasInsights = false
    },
    addEmail: (email) => void emails.set(email.emailId, { email, events: [] }),
    addEvent(emailId, event) {
      const stored = emails.get(emailId)
      if (!stored) throw new Error(`the stand-in has no email ${emailId}`)
      stored.events.push(event)
      const added = { email: stored.email, event: sampleOf(event, `feedback-${posted.length}`) }
      posted.push(added)
      return bodiesOf(added).map((body) => () => sign(body))
    },
    suppress: (address, reason) =>
      void suppressed.push({
        EmailAddress: address,
        Reason: reason === 'complaint' ? 'COMPLAINT' : 'BOUNCE',
        LastUpdateTime: clock() / 1_000,
      }),
    webhooks: () => posted.flatMap(bodiesOf).map(sign),
    setFaults: server.setFaults,
    requestCount: server.requestCount,
    close: server.close,
  }
}

const sampleOf = (event: StandInEvent, id: string): DatedSampleEvent => ({
  ...{ id, type: event.type, recipient: event.recipient, bounce: event.bounce ?? null, at: new Date(event.at) },
  engagement: engagementOf(event),
})

interface PostedEvent {
  readonly email: StandInEmail
  readonly event: DatedSampleEvent
}

/** Of the requests about an event. */
function bodiesOf({ email: { emailId: id, to, subject }, event }: PostedEvent): string[] {
  const email = { id, to, subject, tags: [] }
  return sesFormat.adapt(event, email).map((one) => sesFormat.bodyOf([one], email))
}

/** The code of an error is in a header, and says more than the status. */
const errorAnswer = (status: number, code: string, message: string): StandInAnswer => ({
  status,
  body: { message },
  headers: { 'x-amzn-errortype': `${code}:http://internal.amazon.com/coral/com.amazonaws.ses/` },
})

const withoutManager = errorAnswer(404, 'NotFoundException', 'This needs Virtual Deliverability Manager.')

const insightTypes: Readonly<Record<string, string>> = {
  ...{
    sent: 'SEND',
    delivered: 'DELIVERY',
    bounced: 'BOUNCE',
    complained: 'COMPLAINT',
    opened: 'OPEN',
    clicked: 'CLICK',
  },
}

function insightsOf(stored: StoredEmail | undefined, isVisible: (at: number) => boolean): StandInAnswer {
  const events = stored?.events.filter(({ at }) => isVisible(at)) ?? []
  const [recipient, ...others] = stored?.email.to ?? []
  if (!stored || recipient === undefined || others.length > 0 || events.length === 0) {
    return errorAnswer(404, 'NotFoundException', 'There is no such message.')
  }
  const insight = { Destination: recipient, Isp: 'UNKNOWN_ISP', Events: events.map(insightsEventOf) }
  const { emailId: MessageId, subject: Subject } = stored.email
  const body = { MessageId, FromEmailAddress: 'hello@example.com', Subject, EmailTags: [], Insights: [insight] }
  return { status: 200, body }
}

function insightsEventOf({ type, at, bounce }: StandInEvent) {
  const isDelay = bounce?.isOver === false
  const details = type === 'bounced' && !isDelay ? { Bounce: bounceOf(bounce) } : complaintDetails(type)
  return {
    Timestamp: at / 1_000,
    Type: isDelay ? 'DELIVERY_DELAY' : insightTypes[type],
    ...(details && { Details: details }),
  }
}

const complaintDetails = (type: string) =>
  type === 'complained' ? { Complaint: { ComplaintSubType: null, ComplaintFeedbackType: 'abuse' } } : null

const bounceOf = (bounce: StandInEvent['bounce']) => ({
  BounceType: bounce?.class === 'hard' ? 'PERMANENT' : 'TRANSIENT',
  BounceSubType: 'GENERAL',
  ...(bounce?.message && { DiagnosticCode: bounce.message }),
})

function pageOf(list: readonly SuppressedAddress[], query: URLSearchParams, pageSize: number): StandInAnswer {
  const token = query.get('NextToken')
  // As SES's tokens, it has signs that a URL must escape.
  const [, index = ''] = token === null ? [token, '0'] : (/^page\+\/(\d+)==$/.exec(token) ?? [])
  if (index === '') return errorAnswer(400, 'InvalidNextTokenException', 'The token is not valid.')
  const end = Number(index) + pageSize
  const more = end < list.length ? { NextToken: `page+/${end}==` } : {}
  return { status: 200, body: { SuppressedDestinationSummaries: list.slice(Number(index), end), ...more } }
}
