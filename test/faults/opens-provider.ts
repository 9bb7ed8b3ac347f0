import { randomUUID } from 'node:crypto'
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { aisendSignature } from '../../src/providers/aisend/sample.ts'
import { webhookSecret } from '../api/served.ts'

export interface OpensProviderOptions {
  /** Of APIs, used in turn. */
  readonly urls: readonly string[]
  readonly perSecond: number
  /** Over how many emails the opens are spread. */
  readonly emails: number
}

/** The result of a request. */
export interface Answer {
  /** Epoch milliseconds. */
  readonly sentAt: number
  readonly ms: number
  /** Null if the connection broke or the answer was late. */
  readonly status: number | null
  readonly retryAfter: string | null
}

interface Open {
  readonly id: string
  readonly body: string
}

const tickMs = 10
/** Short, for fast tests: real providers wait seconds to hours. */
const retryAfterMs = 500
/** Longer than any deadline of the API: reached only by a request that hangs. */
const answerWithinMs = 20_000

/**
 * A provider that posts opens at a steady rate, however slow the answers are, and retries until they are acknowledged. Opens,
 * since the emails' counts show losses and duplicates.
 */
export class OpensProvider {
  readonly answers: Answer[] = []
  readonly acknowledged = new Set<string>()
  readonly run = randomUUID()
  readonly #options: OpensProviderOptions
  /** Enough connections: waiting for one would count as a late answer. */
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2_000 })
  readonly #startedAt = Date.now()
  readonly #inFlight = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout
  #sent = 0
  #posts = 0

  constructor(options: OpensProviderOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#sendDue(), tickMs)
  }

  emailIds = (): string[] => Array.from({ length: this.#options.emails }, (_, n) => this.#emailId(n))

  /** Stops sending, and resolves when everything sent is acknowledged. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#inFlight)
    this.#agent.destroy()
  }

  /** Answers to requests sent within a time span (epoch milliseconds). */
  answersTo = (from: number, until: number): Answer[] =>
    this.answers.filter(({ sentAt }) => sentAt >= from && sentAt < until)

  #emailId = (n: number): string => `${this.run}:${n % this.#options.emails}`

  #sendDue(): void {
    const due = ((Date.now() - this.#startedAt) / 1_000) * this.#options.perSecond
    for (; this.#sent < due; this.#sent += 1) {
      const delivery = this.#deliver(this.#open(this.#sent)).finally(() => this.#inFlight.delete(delivery))
      this.#inFlight.add(delivery)
    }
  }

  #open(n: number): Open {
    const id = `${this.run}:open:${n}`
    const data = { email_id: this.#emailId(n), to: ['ada@example.com'] }
    return { id, body: JSON.stringify({ id, type: 'email.opened', created_at: new Date().toISOString(), data }) }
  }

  async #deliver({ id, body }: Open): Promise<void> {
    for (;;) {
      const answer = await this.#post(body)
      this.answers.push(answer)
      if (answer.status === 200) break
      await sleep(retryAfterMs)
    }
    this.acknowledged.add(id)
  }

  #post(body: string): Promise<Answer> {
    const [sentAt, startedAt] = [Date.now(), performance.now()]
    const { urls } = this.#options
    const url = `${urls[this.#posts++ % urls.length]}/webhooks/aisend`
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'x-webhook-signature': aisendSignature(body, webhookSecret),
    }
    return new Promise((resolve) => {
      const answered = (response: IncomingMessage | null) =>
        resolve({
          sentAt,
          ms: performance.now() - startedAt,
          status: response?.statusCode ?? null,
          retryAfter: response?.headers['retry-after'] ?? null,
        })
      const posted = request(url, { method: 'POST', agent: this.#agent, headers }, (response) => {
        response.resume().once('close', () => answered(response.complete ? response : null))
      })
      posted.setTimeout(answerWithinMs, () => posted.destroy())
      posted.on('error', () => answered(null)).end(body)
    })
  }
}
