/** Sends the deliveries of one endpoint. Everything that is to be sent is in the database: what is lost with a sender is sent again. */
import type { Database } from '../db/database.ts'
import { type DeliveryAttemptResult, type DueDelivery, readDueDeliveries, recordAttempts } from '../db/deliveries.ts'
import { type EndpointToServe, readServedEndpoint, takeOverEndpoint } from '../db/endpoint-senders.ts'
import { pauseEndpoint, readEndpointSecrets, releaseRetries } from '../db/endpoints.ts'
import { isProbed, type PauseReason } from '../domain/endpoint.ts'
import type { EndpointHealth } from '../domain/endpoint-health.ts'
import { resultOf, type SentRequest, unwritable } from './attempt-result.ts'
import type { Answer, Poster } from './poster.ts'
import { type SignedRequest, signedRequestOf } from './signed-request.ts'
import { Wakeup } from './wakeup.ts'

export interface SenderOptions {
  readonly db: Database
  readonly endpointId: string
  /** Unique: a sender stops when another one has taken over. */
  readonly name: string
  readonly poster: Poster
  /** Calls back when there may be something new. @returns what ends that. */
  readonly subscribe: (onChange: () => void) => () => void
  /** Ends the sender: what is being sent is waited for, for some seconds. */
  readonly signal: AbortSignal
  /** Requests at once. Default 32. */
  readonly concurrency?: number
}

export interface Sent {
  /** Whether the endpoint is paused or deleted, has no URL, or has another sender. */
  readonly isInactive: boolean
  readonly delivered: number
  readonly failed: number
}

/** The endpoint is read so often: it may have been paused, and there may be deliveries of which nobody notified. */
const refreshEveryMs = 2_000

/** After an empty read, notifications cause no other for this long: under load, each save brings one, of which few concern the endpoint. */
const quietMs = 50

/** What is still being sent when a sender has ended for this long is sent again by the next one. */
const endsWithinMs = 4_000

/** @throws the database's error; the caller starts another sender. */
export const serveEndpoint = (options: SenderOptions): Promise<Sent> => new Sender(options).run()

class Sender {
  readonly #options: SenderOptions
  readonly #concurrency: number
  readonly #wakeup = new Wakeup()
  /** All below, up to the record of their attempts: they are not read again. */
  readonly #inFlight = new Set<string>()
  #ready: DueDelivery[] = []
  #posting = 0
  #results: DeliveryAttemptResult[] = []
  #health: EndpointHealth = { failures: 0, firstFailedAt: null, lastSucceededAt: null, notBefore: null }
  #url = ''
  #secrets: readonly string[] = []
  #isActive = true
  #pause: PauseReason | null = null
  #mayHaveDue = true
  #hasRecovered = false
  #isReading = false
  #isRecording = false
  #readNotBefore = 0
  #refreshAt = 0
  #error: unknown = null
  #delivered = 0
  #failed = 0

  constructor(options: SenderOptions) {
    this.#options = options
    this.#concurrency = options.concurrency ?? 32
  }

  async run(): Promise<Sent> {
    const { db, endpointId, name, signal } = this.#options
    await this.#adopt(await takeOverEndpoint(db, endpointId, name))
    const unsubscribe = this.#options.subscribe(() => this.#lookAgain())
    signal.addEventListener('abort', this.#wakeup.call)
    try {
      await this.#loop()
    } finally {
      signal.removeEventListener('abort', this.#wakeup.call)
      unsubscribe()
    }
    if (this.#error !== null) throw this.#error
    return { isInactive: !this.#isActive, delivered: this.#delivered, failed: this.#failed }
  }

  async #loop(): Promise<void> {
    let endsBy = Number.POSITIVE_INFINITY
    while (!this.#isDone() && Date.now() < endsBy) {
      if (this.#isEnding()) endsBy = Math.min(endsBy, Date.now() + endsWithinMs)
      if (this.#capacity() === 0 || this.#isEnding()) this.#returnReady()
      while (this.#posting < this.#capacity()) {
        const next = this.#ready.shift()
        if (!next) break
        void this.#post(next)
      }
      if (this.#results.length > 0 && !this.#isRecording) void this.#guarded(this.#record())
      if (this.#shouldRead()) void this.#guarded(this.#read())
      if (Date.now() >= this.#refreshAt && !this.#isEnding()) void this.#guarded(this.#refresh())
      await this.#wakeup.wait(Math.min(this.#msUntilNext(), endsBy - Date.now()))
    }
  }

  #isEnding = (): boolean =>
    this.#options.signal.aborted || !this.#isActive || this.#pause !== null || this.#error !== null

  #isDone = (): boolean =>
    this.#isEnding() &&
    this.#posting === 0 &&
    !this.#isRecording &&
    !this.#isReading &&
    (this.#results.length === 0 || this.#error !== null)

  /** How many requests may be under way. */
  #capacity(): number {
    if (this.#isEnding() || (this.#health.notBefore ?? 0) > Date.now()) return 0
    return isProbed(this.#health.failures) ? 1 : this.#concurrency
  }

  #shouldRead(): boolean {
    const capacity = this.#capacity()
    if (capacity === 0 || !this.#mayHaveDue || this.#isReading || Date.now() < this.#readNotBefore) return false
    // A probe is decided by what became of the last one.
    return capacity === 1 ? this.#inFlight.size === 0 : this.#ready.length < this.#concurrency
  }

  #msUntilNext(): number {
    const now = Date.now()
    const times = [this.#refreshAt, this.#health.notBefore ?? 0, this.#mayHaveDue ? this.#readNotBefore : 0]
    return Math.min(...times.filter((time) => time > now), now + refreshEveryMs) - now
  }

  #lookAgain(): void {
    this.#mayHaveDue = true
    this.#wakeup.call()
  }

  /** The first error ends the sender. */
  async #guarded(work: Promise<void>): Promise<void> {
    await work.catch((error) => {
      this.#error ??= error
    })
    this.#wakeup.call()
  }

  async #adopt(endpoint: EndpointToServe | null): Promise<void> {
    this.#refreshAt = Date.now() + refreshEveryMs
    this.#isActive = endpoint !== null && endpoint.url !== null
    if (!endpoint?.url) return
    const { url, failures, firstFailedAt, notBefore } = endpoint
    this.#url = url
    if (this.#inFlight.size === 0) {
      const times = { firstFailedAt: firstFailedAt?.getTime() ?? null, notBefore: notBefore?.getTime() ?? null }
      this.#health = { ...this.#health, failures, ...times }
    }
    this.#secrets = await readEndpointSecrets(this.#options.db, this.#options.endpointId)
    if (this.#secrets.length === 0) this.#isActive = false
  }

  async #refresh(): Promise<void> {
    this.#refreshAt = Date.now() + refreshEveryMs
    await this.#adopt(await readServedEndpoint(this.#options.db, this.#options.endpointId, this.#options.name))
    this.#mayHaveDue = true
  }

  async #read(): Promise<void> {
    const isProbing = this.#capacity() === 1
    const limit = isProbing ? 1 : this.#concurrency * 3
    const { db, endpointId } = this.#options
    this.#isReading = true
    this.#mayHaveDue = false
    const except = [...this.#inFlight]
    const due = await readDueDeliveries(db, { endpointId, except, limit, byLastAttempt: isProbing }).finally(() => {
      this.#isReading = false
    })
    for (const delivery of due) this.#inFlight.add(delivery.id)
    this.#ready.push(...due)
    if (due.length === limit) this.#mayHaveDue = true
    if (due.length === 0) this.#readNotBefore = Date.now() + quietMs
  }

  /** Gives up what is not sent yet. */
  #returnReady(): void {
    for (const { id } of this.#ready.splice(0)) this.#inFlight.delete(id)
    this.#mayHaveDue = true
  }

  async #post(delivery: DueDelivery): Promise<void> {
    const isProbe = isProbed(this.#health.failures)
    const at = Date.now()
    const request = this.#requestOf(delivery, at)
    if (request === null) return
    this.#posting += 1
    const answer = await this.#options.poster.post(this.#url, request)
    this.#posting -= 1
    this.#note(delivery, answer, { at, isProbe })
    this.#wakeup.call()
  }

  /** Null for one that cannot be written: it must not hold up the others. */
  #requestOf(delivery: DueDelivery, at: number): SignedRequest | null {
    try {
      return signedRequestOf(delivery, this.#secrets, at)
    } catch {
      this.#results.push(unwritable(delivery, at))
      return null
    }
  }

  #note(delivery: DueDelivery, answer: Answer, sent: SentRequest): void {
    const { health, pause, result } = resultOf(this.#health, delivery, answer, sent)
    this.#health = health
    this.#pause ??= pause
    this.#results.push(result)
    const isDelivered = result.state === 'delivered'
    if (isDelivered) this.#delivered += 1
    else this.#failed += 1
    if (isDelivered && sent.isProbe) this.#hasRecovered = true
  }

  async #record(): Promise<void> {
    const { db, endpointId, name } = this.#options
    const results = this.#results.splice(0)
    this.#isRecording = true
    try {
      const mayGoOn = await recordAttempts(db, endpointId, name, results, this.#health)
      if (!mayGoOn) this.#isActive = false
      if (this.#pause !== null) await pauseEndpoint(db, endpointId, { reason: this.#pause })
      // What failed while nothing was accepted does not wait for its turn, which may be hours away.
      if (this.#hasRecovered) await releaseRetries(db, endpointId)
      this.#hasRecovered = false
    } finally {
      this.#isRecording = false
    }
    for (const { deliveryId } of results) this.#inFlight.delete(deliveryId)
    // The next of their lanes are due.
    this.#mayHaveDue = true
    this.#readNotBefore = 0
  }
}
