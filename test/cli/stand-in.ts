/** A small Aftersend in memory, folding with src/domain: what the simulator is tried against, faults included. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer, json } from 'node:stream/consumers'
import type { Target } from '../../src/cli/target.ts'
import { normalizeAddress } from '../../src/domain/address.ts'
import { urgentReasons } from '../../src/domain/escalation.ts'
import { isProviderEventType, type LifecycleEvent, type ReceivedEvent } from '../../src/domain/events.ts'
import {
  deliveryOf,
  deliveryTimeMsOf,
  foldEvents,
  type Snapshot,
  sentAtOf,
  statusOf,
  unheardOf,
} from '../../src/domain/lifecycle.ts'
import { providers } from '../../src/providers/registry.ts'
import { adapterOf } from '../providers/adapter.ts'

interface Kept {
  registration: Record<string, unknown> | null
  readonly events: Map<string, ReceivedEvent>
  readonly folded: LifecycleEvent[]
}

export interface StandIn {
  readonly target: Target
  /** The same with what signs the webhooks of another provider. */
  readonly targetOf: (provider: string) => Target
  /** Called before each request; answers a status to refuse it with, or null. */
  refuse: (request: IncomingMessage) => number | null
  /** Called on each email's answer before it is sent. */
  distort: (answer: Record<string, unknown>) => void
  readonly suppressions: Map<string, string>
  readonly webhooks: { readonly id: string; readonly at: number }[]
  close(): void
}

const secrets = new Map(providers.map(({ name, generate }) => [name, generate()]))
const adapters = new Map(providers.map(({ name }) => [name, adapterOf(name)]))

export async function startStandIn(): Promise<StandIn> {
  const emails = new Map<string, Kept>()
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

async function answer(request: IncomingMessage, standIn: StandIn, emails: Map<string, Kept>): Promise<Answer> {
  const [, room, resource, id = ''] = (request.url ?? '').split('/').map(decodeURIComponent)
  if (room === 'webhooks') return receive(request, resource ?? '', await buffer(request), standIn, emails)
  if (request.headers.authorization !== `Bearer ${standIn.target.apiKey}`) return [401, {}]
  if (resource === 'emails') {
    return request.method === 'POST' ? register((await json(request)) as Registered, emails) : tell(id, standIn, emails)
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

function keptOf(id: string, emails: Map<string, Kept>): Kept {
  const kept = emails.get(id) ?? { registration: null, events: new Map(), folded: [] }
  emails.set(id, kept)
  return kept
}

function register(registration: Registered, emails: Map<string, Kept>): Answer {
  const kept = keptOf(registration.id, emails)
  if (kept.registration) return [200, {}]
  kept.registration = registration
  const { priority = null, status } = registration as { priority?: 'critical' | null; status?: string }
  const now = Date.now()
  const as = status === 'queued' ? 'queued' : 'sent'
  kept.folded.push({ id: 'registration', type: 'registered', occurredAt: now, receivedAt: now, as, priority })
  return [201, {}]
}

async function receive(
  request: IncomingMessage,
  provider: string,
  body: Buffer,
  standIn: StandIn,
  emails: Map<string, Kept>,
): Promise<Answer> {
  const adapter = adapters.get(provider)
  if (!adapter) return [404, {}]
  if (!(await adapter.verify(body, request.headers, [secrets.get(provider)?.accepted ?? '']))) return [401, {}]
  if (body.includes('probe')) return [400, {}]
  for (const event of adapter.parse(body, Date.now(), request.headers)) {
    standIn.webhooks.push({ id: event.id, at: Date.now() })
    const kept = keptOf(event.emailId, emails)
    if (kept.events.has(event.id)) continue
    kept.events.set(event.id, event)
    kept.folded.push(lifecycleEventOf(event))
    const reason = event.type === 'complained' ? 'complaint' : event.bounce?.class === 'hard' ? 'hard_bounce' : null
    if (reason && event.recipient) standIn.suppressions.set(event.recipient, reason)
  }
  return [200, { received: 1, duplicates: 0 }]
}

function lifecycleEventOf({ id, type, occurredAt, receivedAt, bounce, human }: ReceivedEvent): LifecycleEvent {
  const facts = { id, occurredAt, receivedAt }
  if (!isProviderEventType(type)) return { ...facts, type: 'unknown' }
  if (type === 'bounced')
    return { ...facts, type, bounce: { class: bounce?.class ?? 'hard', code: bounce?.code ?? null } }
  return type === 'opened' || type === 'clicked' ? { ...facts, type, human } : { ...facts, type }
}

function tell(id: string, standIn: StandIn, emails: Map<string, Kept>): Answer {
  const kept = emails.get(id)
  if (!kept) return [404, {}]
  const snapshot = foldEvents(unheardOf, kept.folded)
  const body = { ...viewOf(snapshot, kept), id }
  standIn.distort(body)
  return [200, body]
}

const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString())

function viewOf(snapshot: Snapshot, { registration, events }: Kept) {
  const { bounce, opens, clicks } = snapshot
  const unclear = [...events.values()].some(isFinalForNobody)
  return {
    to: registration?.['to'],
    subject: registration?.['subject'],
    priority: snapshot.priority,
    status: statusOf(snapshot),
    delivery: deliveryOf(snapshot),
    opens: { ...opens, firstAt: iso(opens.firstAt), lastAt: iso(opens.lastAt) },
    clicks: { ...clicks, firstAt: iso(clicks.firstAt), lastAt: iso(clicks.lastAt) },
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

const isFinalForNobody = ({ type, bounce, recipient }: ReceivedEvent) =>
  recipient === null && (type === 'complained' || bounce?.class === 'hard')

/** As addresses are compared. */
export const keyOf = (address: string): string => normalizeAddress(address) ?? address
