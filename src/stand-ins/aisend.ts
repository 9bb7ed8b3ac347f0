/**
 * A stand-in for AISend, which publishes no form of its answers: it answers what src/providers/aisend/api.ts accepts, with a status
 * and the time of each event. It has neither a history nor suppression lists.
 */
import { randomUUID } from 'node:crypto'
import { aisendFormat } from '../providers/aisend/sample.ts'
import { aisendProof } from '../providers/aisend/webhook.ts'
import type { SampleBounce, SignedRequest } from '../providers/sample.ts'
import { type StandInRequest, startStandInServer } from './server.ts'
import {
  engagementOf,
  type ProviderStandIn,
  type StandInEmail,
  type StandInEvent,
  type StandInOptions,
} from './stand-in.ts'

interface AisendStandIn extends ProviderStandIn {
  readonly requests: readonly StandInRequest[]
  readonly webhookSecret: string
}

type Recorded = StandInEvent & { readonly emailId: string; readonly body: string }

const emailsPath = '/v1/emails/'

export async function startAisendStandIn(options: StandInOptions = {}): Promise<AisendStandIn> {
  const {
    clock = Date.now,
    webhookSecret = aisendProof.generateSecret().signing,
    apiKey = `as_${randomUUID()}`,
  } = options
  const emails = new Map<string, StandInEmail>()
  const recorded: Recorded[] = []
  const sign = (body: string): SignedRequest => aisendProof.sign(body, webhookSecret, clock())

  const server = await startStandInServer({
    clock,
    port: options.port ?? 0,
    isAuthorized: ({ headers }) => headers.authorization === `Bearer ${apiKey}`,
    answer({ method, path }) {
      const email = path.startsWith(emailsPath) ? emails.get(path.slice(emailsPath.length)) : undefined
      if (method !== 'GET' || email === undefined) return { status: 404, body: {} }
      const events = recorded.filter(({ emailId, at }) => emailId === email.emailId && server.isVisible(at))
      return { status: 200, body: answerOf(email, events) }
    },
  })

  return {
    ...{ apiUrl: server.apiUrl, apiKey, webhookSecret, requests: server.requests },
    addEmail(email) {
      emails.set(email.emailId, email)
    },
    addEvent(emailId, event) {
      const email = emails.get(emailId)
      if (email === undefined) throw new Error(`the email ${emailId} was not added`)
      const body = bodyOf(email, event)
      recorded.push({ ...event, emailId, body })
      return [() => sign(body)]
    },
    suppress() {},
    webhooks: () => recorded.map(({ body }) => sign(body)),
    setFaults: server.setFaults,
    requestCount: server.requestCount,
    close: server.close,
  }
}

function bodyOf({ emailId, to, subject }: StandInEmail, given: StandInEvent): string {
  const { type, recipient, at, bounce = null } = given
  const id = `evt_${randomUUID()}`
  const event = { id, type, recipient, bounce, engagement: engagementOf(given), at: new Date(at) }
  const email = { id: emailId, to, subject, tags: [] }
  return aisendFormat.bodyOf(aisendFormat.adapt(event, email), email)
}

/** Of several events of a type, the last counts. */
function answerOf({ emailId, to, subject }: StandInEmail, events: readonly Recorded[]) {
  const inOrder = events.toSorted((a, b) => a.at - b.at)
  const bounce = inOrder.findLast((event) => event.bounce)?.bounce
  return {
    ...{ id: emailId, to, subject },
    status: inOrder.at(-1)?.type ?? 'queued',
    ...Object.fromEntries(inOrder.map(({ type, at }) => [`${type}_at`, new Date(at).toISOString()])),
    ...(bounce && { bounce: bounceOf(bounce) }),
  }
}

const bounceOf = ({ class: bounceClass, isOver, code, message }: SampleBounce) => ({
  type: isOver ? 'hard' : bounceClass,
  ...{ code, message },
})
