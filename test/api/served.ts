/** The API on a real port for tests, with in-memory parts by default. */
import { connect, type Socket } from 'node:net'
import pino from 'pino'
import { createApi } from '../../src/api/api.ts'
import type { ApiDependencies } from '../../src/api/api-dependencies.ts'
import { createDatabase, type Database } from '../../src/db/database.ts'
import type { Escalation, EscalationCommand, EscalationReason } from '../../src/domain/escalation.ts'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import type { EscalationSubject } from '../../src/domain/incident.ts'
import type { Registration } from '../../src/domain/registration.ts'
import type { Inbox } from '../../src/inbox/inbox.ts'
import { createChangeFeed } from '../../src/live/change-feed.ts'
import { createMetrics, type Metrics } from '../../src/metrics.ts'
import { aisendSignature } from '../../src/providers/aisend/sample.ts'
import { aisend } from '../../src/providers/aisend/webhook.ts'
import type { EmailWorkflows } from '../../src/temporal/email-workflows.ts'
import { quietLog } from '../quiet.ts'
import { standIn } from '../stack.ts'

export const apiKey = 'key-of-the-tests-0001'
export const otherApiKey = 'key-of-the-tests-0002'
export const webhookSecret = 'secret-of-the-tests'
const olderWebhookSecret = 'secret-before-rotation'

/** Stores events in an array, and recognizes repeats by ID. */
export class InboxInMemory implements Inbox {
  readonly events: ReceivedEvent[] = []
  readonly registrations: Registration[] = []

  async append(events: readonly ReceivedEvent[]) {
    const fresh = events.filter((event) => !this.events.some(({ id }) => id === event.id))
    this.events.push(...fresh)
    return { received: fresh.length, duplicates: events.length - fresh.length }
  }

  async register(registration: Registration) {
    const known = this.registrations.some(({ emailId }) => emailId === registration.emailId)
    this.registrations.push(registration)
    return { created: !known }
  }
}

/** Records commands, and answers with `answer`. */
export class EmailWorkflowsInMemory implements EmailWorkflows {
  readonly commands: { subject: EscalationSubject; reason: EscalationReason; command: EscalationCommand }[] = []
  /** Of the commands, in order. */
  readonly updateIds: (string | undefined)[] = []
  reachable = true
  answer: (command: EscalationCommand) => Promise<Escalation> = () => Promise.reject(new Error('no answer prepared'))

  async signal() {}

  async ensureStarted() {
    return false
  }

  async command(subject: EscalationSubject, reason: EscalationReason, command: EscalationCommand, updateId?: string) {
    this.commands.push({ subject, reason, command })
    this.updateIds.push(updateId)
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
  readonly emailWorkflows: EmailWorkflowsInMemory
  readonly metrics: Metrics
  /** What was logged, as JSON lines. */
  readonly logged: string[]
  readonly api: ReturnType<typeof createApi>
  /** A request with a valid key; `body` is sent as JSON. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>
  /** A webhook with AISend's signature, unless `headers` replace it. */
  webhook(body: string | Uint8Array, headers?: Record<string, string>): Promise<Response>
  stop(): Promise<void>
}

/** @param port default: any free one. */
export async function serve(overrides: Partial<ApiDependencies> = {}, port = 0): Promise<Served> {
  const [inbox, emailWorkflows, metrics] = [new InboxInMemory(), new EmailWorkflowsInMemory(), quietMetrics()]
  const logged: string[] = []
  const db = overrides.db ?? absentDatabase()
  const api = createApi({
    db,
    inbox,
    emailWorkflows,
    metrics,
    webhooks: new Map([['aisend', { provider: aisend, secrets: [olderWebhookSecret, webhookSecret] }]]),
    providerApis: new Map(),
    apiKeys: [apiKey, otherApiKey],
    log: pino({ level: 'trace' }, { write: (line: string) => logged.push(line) }),
    // Without notifications: polls.
    changes: createChangeFeed({ db, listen: () => ({ close: async () => {} }), log: quietLog }),
    ...overrides,
  })
  const listening = await api.listen({ port, host: '127.0.0.1' })
  const url = `http://127.0.0.1:${listening.port}`
  return {
    port: listening.port,
    url,
    inbox,
    emailWorkflows,
    metrics,
    logged,
    api,
    call: (method, path, body, headers = {}) =>
      fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    webhook: (body, headers = {}) =>
      fetch(`${url}/webhooks/aisend`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-webhook-signature': aisendSignature(Buffer.from(body), webhookSecret),
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

/**
 * The API, served anew for each test of the suite. To be called in `describe`.
 * @param parts read before each test.
 */
export function useApi(parts: () => Partial<ApiDependencies> = () => ({})) {
  let served: Served
  beforeEach(async () => {
    served = await serve(parts())
  })
  afterEach(() => served.stop())
  /** Serves the test with other parts too. */
  const restart = async (more: Partial<ApiDependencies>) => {
    await served.stop()
    served = await serve({ ...parts(), ...more })
  }
  return standIn(() => ({ ...served, restart }))
}

/** The problem in a response. @throws unless it is one with the response's status. */
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

/** A raw TCP connection, and everything received on it. */
export interface Wire {
  readonly socket: Socket
  readonly received: () => string
  /** Such as ECONNRESET, instead of an answer. */
  readonly error: () => Error | null
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<void>
}

/** Sends bytes instead of HTTP, as no well-behaved client does. */
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
