/** The API on a real port for tests, with parts in memory where a test does not bring its own. */
import { connect, type Socket } from 'node:net'
import pino from 'pino'
import { type ApiDependencies, createApi } from '../../src/api/api.ts'
import { createDatabase, type Database } from '../../src/db/database.ts'
import type { Escalation, EscalationCommand, EscalationReason } from '../../src/domain/escalation.ts'
import type { EmailKey, ReceivedEvent } from '../../src/domain/events.ts'
import type { Inbox, Registration } from '../../src/inbox/inbox.ts'
import { createChangeFeed } from '../../src/live/change-feed.ts'
import { createMetrics, type Metrics } from '../../src/metrics.ts'
import { aisend, signAisend } from '../../src/providers/aisend.ts'
import type { Lives } from '../../src/temporal/lives.ts'
import { quietLog } from '../quiet.ts'

export const apiKey = 'key-of-the-tests-0001'
export const otherApiKey = 'key-of-the-tests-0002'
export const webhookSecret = 'secret-of-the-tests'
export const olderWebhookSecret = 'secret-before-rotation'

/** Keeps events in an array, and tells repeats by their ID. */
export class InboxInMemory implements Inbox {
  readonly events: ReceivedEvent[] = []
  readonly registrations: Registration[] = []

  async append(events: readonly ReceivedEvent[]) {
    const fresh = events.filter((event) => !this.events.some((kept) => kept.id === event.id))
    this.events.push(...fresh)
    return { received: fresh.length, duplicates: events.length - fresh.length }
  }

  async register(registration: Registration) {
    const known = this.registrations.some(({ emailId }) => emailId === registration.emailId)
    this.registrations.push(registration)
    return { created: !known }
  }
}

/** Remembers commands, and answers with whatever `answer` makes of them. */
export class LivesInMemory implements Lives {
  readonly commands: { email: EmailKey; reason: EscalationReason; command: EscalationCommand }[] = []
  reachable = true
  answer: (command: EscalationCommand) => Promise<Escalation> = () => Promise.reject(new Error('no answer prepared'))

  async signal() {}

  async wake() {
    return false
  }

  async command(email: EmailKey, reason: EscalationReason, command: EscalationCommand) {
    this.commands.push({ email, reason, command })
    return this.answer(command)
  }

  async isReachable() {
    return this.reachable
  }
}

/** A database that refuses connections. */
export const absentDatabase = (): Database => createDatabase({ url: 'postgresql://nobody@127.0.0.1:1/nothing' })

export const quietMetrics = (): Metrics =>
  createMetrics(async () => ({ pending: 3, oldestSeconds: 1.5, escalationsOpen: 2 }))

export interface Served {
  readonly port: number
  readonly url: string
  readonly inbox: InboxInMemory
  readonly lives: LivesInMemory
  readonly metrics: Metrics
  /** What was logged, as JSON lines. */
  readonly logged: string[]
  readonly api: ReturnType<typeof createApi>
  /** A request with a valid key; `body` is sent as JSON. */
  call(method: string, path: string, body?: unknown): Promise<Response>
  /** A webhook signed as AISend signs it, unless `signature` says otherwise. */
  webhook(body: string | Uint8Array, headers?: Record<string, string>): Promise<Response>
  stop(): Promise<void>
}

export async function serve(overrides: Partial<ApiDependencies> = {}): Promise<Served> {
  const [inbox, lives, metrics] = [new InboxInMemory(), new LivesInMemory(), quietMetrics()]
  const logged: string[] = []
  const db = overrides.db ?? absentDatabase()
  const api = createApi({
    db,
    inbox,
    lives,
    metrics,
    webhooks: new Map([['aisend', { provider: aisend, secrets: [olderWebhookSecret, webhookSecret] }]]),
    providerApis: new Map(),
    apiKeys: [apiKey, otherApiKey],
    log: pino({ level: 'trace' }, { write: (line: string) => logged.push(line) }),
    // Hears no ring: what changes is looked for now and then.
    changes: createChangeFeed({ db, listen: () => ({ close: async () => {} }), log: quietLog }),
    ...overrides,
  })
  const { port } = await api.listen({ port: 0, host: '127.0.0.1' })
  const url = `http://127.0.0.1:${port}`
  return {
    port,
    url,
    inbox,
    lives,
    metrics,
    logged,
    api,
    call: (method, path, body) =>
      fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    webhook: (body, headers = {}) =>
      fetch(`${url}/webhooks/aisend`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-webhook-signature': signAisend(Buffer.from(body), webhookSecret),
          ...headers,
        },
        body: body as string,
      }),
    async stop() {
      await api.close({ graceMs: 0 })
      if (!overrides.db) await db.$disconnect()
    },
  }
}

/** The problem that a response holds; throws unless it is one and names its own status. */
export async function problemIn(response: Response): Promise<{
  status: number
  title: string
  detail: string
  errors?: { path: string; message: string }[]
}> {
  const type = response.headers.get('content-type')
  const problem = (await response.json()) as { status: number; title: string; detail: string; type: string }
  if (type !== 'application/problem+json' || problem.status !== response.status || !problem.title || !problem.type) {
    throw new Error(`not a problem: ${type} ${JSON.stringify(problem)}`)
  }
  return problem
}

/** An AISend webhook's body. */
export const eventBody = (fields: Record<string, unknown> = {}): string =>
  JSON.stringify({
    id: `evt_${Math.random().toString(36).slice(2)}`,
    type: 'email.delivered',
    created_at: '2026-11-01T10:00:00Z',
    data: { email_id: 'em_1', to: ['ada@example.com'] },
    ...fields,
  })

/** A bare connection, and everything that came back on it. */
export interface Wire {
  readonly socket: Socket
  readonly received: () => string
  /** Such as ECONNRESET: what a sender sees instead of an answer when the far side hangs up on it. */
  readonly error: () => Error | null
  /** Resolves when the far side has closed. */
  readonly closed: Promise<void>
}

/** Speaks bytes instead of HTTP: for what no well-behaved client sends. */
export function wireTo(port: number): Wire {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  let failure: Error | null = null
  socket.on('error', (error) => {
    failure = error
  })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return { socket, received: () => text, error: () => failure, closed }
}
