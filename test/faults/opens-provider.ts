import { randomUUID } from 'node:crypto'
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { signAisend } from '../../src/providers/aisend.ts'
import { webhookSecret } from '../api/served.ts'

export interface OpensProviderOptions {
  /** Of APIs; each request takes the next. */
  readonly urls: readonly string[]
  readonly perSecond: number
  /** Over how many emails the opens are spread. */
  readonly emails: number
}

/** One request's end. */
export interface Answer {
  /** Epoch milliseconds. */
  readonly sentAt: number
  readonly ms: number
  /** Null when the connection broke or the answer did not come in time. */
  readonly status: number | null
  readonly retryAfter: string | null
}

interface Open {
  readonly id: string
  readonly body: string
}

const tickMs = 10
/** Impatient, so that tests are short: real ones wait seconds to hours. */
const retryAfterMs = 500
/** Longer than any deadline of ours: whoever sees it come has found a request that hangs. */
const answerWithinMs = 20_000

/**
 * A provider that posts opens at a steady rate, however slow the answers are, and sends again whatever was not
 * acknowledged. Opens, since what is lost or counted twice shows in the emails' counts.
 */
export class OpensProvider {
  readonly answers: Answer[] = []
  readonly acknowledged = new Set<string>()
  readonly run = randomUUID()
  readonly #options: OpensProviderOptions
  /** As many as it takes: a request that waits for a connection of ours would look like one that is answered late. */
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2_000 })
  readonly #startedAt = Date.now()
  readonly #underWay = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout
  #sent = 0
  #posts = 0

  constructor(options: OpensProviderOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#sendDue(), tickMs)
  }

  emailIds = (): string[] => Array.from({ length: this.#options.emails }, (_, n) => this.#emailId(n))

  /** Sends no more, and resolves when all that was ever sent is acknowledged. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#underWay)
    this.#agent.destroy()
  }

  /** Of requests that were sent in a span of time (epoch milliseconds). */
  answersTo = (from: number, until: number): Answer[] =>
    this.answers.filter(({ sentAt }) => sentAt >= from && sentAt < until)

  #emailId = (n: number): string => `${this.run}:${n % this.#options.emails}`

  #sendDue(): void {
    const due = ((Date.now() - this.#startedAt) / 1_000) * this.#options.perSecond
    for (; this.#sent < due; this.#sent += 1) {
      const delivery = this.#deliver(this.#open(this.#sent)).finally(() => this.#underWay.delete(delivery))
      this.#underWay.add(delivery)
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
      'x-webhook-signature': signAisend(body, webhookSecret),
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
