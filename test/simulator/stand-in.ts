/** A small Aftersend in memory that folds events with src/domain, for tests of the simulator. It can inject faults. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer, json } from 'node:stream/consumers'
import { normalizeAddress } from '../../src/domain/address.ts'
import type { DeliveryFacts } from '../../src/domain/delivery-facts.ts'
import { urgentReasons } from '../../src/domain/escalation.ts'
import type { LifecycleEvent, ReceivedEvent } from '../../src/domain/events.ts'
import { suppressesRecipient } from '../../src/domain/judge-bounce.ts'
import {
  deliveredCountOf,
  deliveryOf,
  deliveryTimeMsOf,
  emptySnapshot,
  foldEvents,
  recipientKeysOf,
  recipientStateOf,
  type Snapshot,
  sentAtOf,
  statusOf,
} from '../../src/domain/lifecycle.ts'
import { mergedOwnIds } from '../../src/domain/own-ids.ts'
import { lifecycleEventOf } from '../../src/domain/received-event.ts'
import type { EventHistory } from '../../src/providers/provider-api.ts'
import { providers } from '../../src/providers/registry.ts'
import type { Target } from '../../src/simulator/options.ts'
import { adapterOf } from '../providers/adapter.ts'

interface StoredEmail {
  registration: Record<string, unknown> | null
  readonly events: Map<string, ReceivedEvent>
  readonly folded: LifecycleEvent[]
}

export interface StandIn {
  readonly target: Target
  /** The same with the secret of another provider. */
  readonly targetOf: (provider: string) => Target
  /** Called before each request. Returns the status to refuse it with, or null. */
  refuse: (request: IncomingMessage) => number | null
  /** Changes the response for an email before it is sent. */
  distort: (answer: Record<string, unknown>) => void
  /** The record that it reconciles with; null: it has none. */
  record: EventHistory | null
  readonly suppressions: Map<string, string>
  readonly webhooks: { readonly id: string; readonly at: number }[]
  close(): void
}

const secrets = new Map(providers.map(({ name, generateSecret }) => [name, generateSecret()]))
const adapters = new Map(providers.map(({ name }) => [name, adapterOf(name)]))

export async function startStandIn(): Promise<StandIn> {
  const emails = new Map<string, StoredEmail>()
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const target = {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    webhookSecret: secrets.get('aisend')?.signing ?? '',
    apiKey: 'stand-in-key-0123456789',
  }
  const standIn: StandIn = {
    target,
    targetOf: (provider) => ({ ...target, webhookSecret: secrets.get(provider)?.signing ?? '' }),
    refuse: () => null,
    distort: () => {},
    record: null,
    suppressions: new Map(),
    webhooks: [],
    close: () => closeAll(server),
  }
  server.on('request', async (request: IncomingMessage, response) => {
    const refused = standIn.refuse(request)
    const [status, body] = refused === null ? await answer(request, standIn, emails) : [refused, {}]
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  return standIn
}

function closeAll(server: Server): void {
  server.closeAllConnections()
  server.close()
}

type Answer = [status: number, body: unknown]

async function answer(request: IncomingMessage, standIn: StandIn, emails: Map<string, StoredEmail>): Promise<Answer> {
  const [, prefix, resource, id = ''] = (request.url ?? '').split('/').map(decodeURIComponent)
  if (prefix === 'webhooks') return receive(request, resource ?? '', await buffer(request), standIn, emails)
  if (request.headers.authorization !== `Bearer ${standIn.target.apiKey}`) return [401, {}]
  if (resource?.startsWith('reconciliations')) return reconcile(request, standIn, emails)
  if (resource === 'emails') {
    return request.method === 'POST'
      ? register((await json(request)) as Registered, emails)
      : getEmail(id, standIn, emails)
  }
  if (request.method !== 'POST') return [200, suppressionOf(id, standIn)]
  const { addresses } = (await json(request)) as { addresses: string[] }
  return [200, { data: addresses.map((address) => suppressionOf(address, standIn)) }]
}

type Registered = Record<string, unknown> & { id: string }

const suppressionOf = (address: string, { suppressions }: StandIn) => ({
  address,
  suppressed: suppressions.has(address),
  ...(suppressions.has(address) && { reason: suppressions.get(address) }),
})

function storedEmail(id: string, emails: Map<string, StoredEmail>): StoredEmail {
  const email = emails.get(id) ?? { registration: null, events: new Map(), folded: [] }
  emails.set(id, email)
  return email
}

function register(registration: Registered, emails: Map<string, StoredEmail>): Answer {
  const email = storedEmail(registration.id, emails)
  if (email.registration) return [200, {}]
  email.registration = registration
  const { priority = null, status } = registration as { priority?: 'critical' | null; status?: string }
  const now = Date.now()
  const as = status === 'queued' ? 'queued' : 'sent'
  const to = [registration['to']].flat().map((address) => keyOf(String(address)))
  email.folded.push({ id: 'registration', type: 'registered', occurredAt: now, receivedAt: now, as, priority, to })
  return [201, {}]
}

async function receive(
  request: IncomingMessage,
  provider: string,
  body: Buffer,
  standIn: StandIn,
  emails: Map<string, StoredEmail>,
): Promise<Answer> {
  const adapter = adapters.get(provider)
  if (!adapter) return [404, {}]
  if (!(await adapter.verify(body, request.headers, [secrets.get(provider)?.accepted ?? '']))) return [401, {}]
  if (body.includes('probe')) return [400, {}]
  for (const event of adapter.parse(body, Date.now(), request.headers)) {
    standIn.webhooks.push({ id: event.id, at: Date.now() })
    store(event, standIn, emails)
  }
  return [200, { received: 1, duplicates: 0 }]
}

function store(event: ReceivedEvent, standIn: StandIn, emails: Map<string, StoredEmail>): void {
  const email = storedEmail(event.emailId, emails)
  if (email.events.has(event.id)) return
  email.events.set(event.id, event)
  email.folded.push(lifecycleEventOf(event, { recipient: event.recipient, to: event.to }))
  const reason = event.type === 'complained' ? 'complaint' : isHeldAgainstRecipient(event) ? 'hard_bounce' : null
  if (reason && event.recipient) standIn.suppressions.set(event.recipient, reason)
}

/** All at once: the run is finished when it is started. */
async function reconcile(
  request: IncomingMessage,
  standIn: StandIn,
  emails: Map<string, StoredEmail>,
): Promise<Answer> {
  const run = { id: 'rec_1', compared: 0, missing: 0, emails: 0, finishedAt: iso(Date.now()), failure: null }
  if (request.method === 'GET') return [200, { data: [run] }]
  const { record } = standIn
  if (!record) return [400, { status: 400, detail: 'there is no provider whose record can be compared' }]
  const { since, dryRun } = (await json(request)) as { since: string; dryRun: boolean }
  const window = { from: Date.parse(since), to: Date.now() - record.delayMs }
  let cursor: string | null = null
  do {
    const { events, next } = await record.read(window, cursor)
    if (!dryRun) for (const event of events) store(event, standIn, emails)
    cursor = next
  } while (cursor !== null)
  return [202, run]
}

function getEmail(id: string, standIn: StandIn, emails: Map<string, StoredEmail>): Answer {
  const email = emails.get(id)
  if (!email) return [404, {}]
  const snapshot = foldEvents(emptySnapshot, email.folded)
  const body = { ...viewOf(snapshot, email), id, recipients: recipientViews(snapshot, standIn) }
  standIn.distort(body)
  return [200, body]
}

const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString())

function viewOf(snapshot: Snapshot, { registration, events }: StoredEmail) {
  const { bounce, opens, clicks } = snapshot
  const deliveredTo = deliveredCountOf(snapshot)
  const unclear = [...events.values()].some(isFinalWithoutRecipient)
  const carried = mergedOwnIds(
    [...events.values()].map(({ externalId = null, metadata = null }) => ({ externalId, metadata })),
  )
  return {
    to: registration?.['to'],
    subject: registration?.['subject'],
    priority: snapshot.priority,
    externalId: registration?.['externalId'] ?? carried.externalId,
    metadata: { ...carried.metadata, ...(registration?.['metadata'] as object | undefined) },
    status: statusOf(snapshot),
    delivery: deliveryOf(snapshot),
    deliveredTo: deliveredTo.recipients > 1 ? deliveredTo : null,
    failure: failureOf(snapshot),
    opens: engagementView(opens),
    clicks: engagementView(clicks),
    bounce: bounce && { ...bounce, message: events.get(bounce.eventId)?.bounce?.message, at: iso(bounce.at) },
    queuedAt: iso(snapshot.queuedAt),
    sendingAt: iso(snapshot.sendingAt),
    sentAt: iso(sentAtOf(snapshot)),
    deliveredAt: iso(snapshot.deliveredAt),
    deliveryTimeMs: deliveryTimeMsOf(snapshot),
    complainedAt: iso(snapshot.complainedAt),
    registeredAt: iso(snapshot.registeredAt),
    events: [...events.values()].map(({ id, type, occurredAt }) => ({
      id,
      type,
      occurredAt: iso(occurredAt),
      appliedAt: iso(Date.now()),
    })),
    escalations: [...urgentReasons(snapshot), ...(unclear ? ['recipient_unclear'] : [])].map((reason) => ({ reason })),
  }
}

const engagementView = ({ firstAt, lastAt, ...counts }: DeliveryFacts['opens']) => ({
  ...counts,
  firstAt: iso(firstAt),
  lastAt: iso(lastAt),
})

const failureOf = ({ bounce }: DeliveryFacts) => bounce && { ...bounce.failure, code: bounce.code }

const recipientViews = (snapshot: Snapshot, standIn: StandIn) =>
  recipientKeysOf(snapshot).map((address) => {
    const { facts, ...state } = recipientStateOf(snapshot, address)
    return {
      address,
      ...state,
      failure: failureOf(facts),
      opens: engagementView(facts.opens),
      clicks: engagementView(facts.clicks),
      deliveredAt: iso(facts.deliveredAt),
      complainedAt: iso(facts.complainedAt),
      suppressed: standIn.suppressions.has(address),
    }
  })

const isFinalWithoutRecipient = ({ type, bounce, recipient }: ReceivedEvent) =>
  recipient === null && (type === 'complained' || isHeldAgainstRecipient({ bounce }))

const isHeldAgainstRecipient = ({ bounce }: Pick<ReceivedEvent, 'bounce'>) =>
  bounce !== null && suppressesRecipient(bounce)

/** As addresses are compared. */
export const keyOf = (address: string): string => normalizeAddress(address) ?? address
