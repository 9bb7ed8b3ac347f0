import { setTimeout as sleep } from 'node:timers/promises'
import { type EventKey, type StoredEventKey, textOfKey } from '../db/events.ts'
import type { WaitingEvent } from '../db/leases.ts'
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'
import { TemporalUnavailableError } from '../errors.ts'
import { type Lives, workflowIdOf } from '../temporal/lives.ts'
import type { Pace } from './pace.ts'

export interface DispatcherOptions {
  readonly lives: Pick<Lives, 'signal'>
  /** Temporal has taken these events. */
  readonly onSignalled: (keys: readonly StoredEventKey[]) => void
  /** These events cannot be signalled, for a reason of their own. */
  readonly onRejected: (keys: readonly EventKey[], reason: string) => void
  /** Temporal could not take a signal; it is sent again. */
  readonly onFailure: () => void
  /** Temporal takes signals again. */
  readonly onReturn?: () => void
  /** Where it has no room, {@link Dispatcher.goOn} is called once it has. Default: there is always room. */
  readonly pace?: Pick<Pace, 'hasRoom' | 'isStalled'>
  /** Events kept in memory; past it they wait in the database for the sweep. Default 4,000. */
  readonly maxEvents?: number
  /** Signals under way at once. Default 32. */
  readonly concurrency?: number
}

interface WaitingEmail {
  readonly email: EmailKey
  recipientDomain: string | null
  events: LifecycleEvent[]
  /** By `performance.now()`: when the first of them came. */
  readonly sinceMs: number
}

/** What it would take, of the database's backlog; nothing while Temporal or all workers are away. */
export interface Room {
  readonly emails: number
  readonly events: number
  /** Whether enough waits here already: then only a share is taken now and then, so that the backlog is not forgotten. */
  readonly isBusy: boolean
}

/** A backlog is fetched in portions of so many emails: what waits here long is kept from instances that have nothing to do. */
const portions = {
  flowing: { refillBelow: 32, refillTo: 64, share: 16 },
  /** Enough waits in Temporal already. */
  heldBack: { refillBelow: 8, refillTo: 16, share: 4 },
} as const

const freely: Pick<Pace, 'hasRoom' | 'isStalled'> = { hasRoom: () => true, isStalled: () => false }

const firstPauseMs = 100
const longestPauseMs = 250
const maxEventsPerSignal = 1_000

/**
 * Hands events to Temporal, one signal per email at a time: whatever comes for an email while its signal is under way
 * travels together in the next one. So the slower Temporal is, the more events each signal carries.
 *
 * When Temporal is away, one email after the other is tried with a growing pause, until one gets through.
 */
export class Dispatcher {
  readonly #options: Required<DispatcherOptions>
  /** In the order of their turn. */
  readonly #ready = new Map<string, WaitingEmail>()
  readonly #underWay = new Map<string, { readonly waiting: WaitingEmail; readonly sent: Promise<void> }>()
  /** Keys of all events in here, so that a sweep does not add them twice. */
  readonly #held = new Set<string>()
  #pauseMs = 0
  #isPausing = false
  #isClosed = false

  constructor(options: DispatcherOptions) {
    this.#options = { maxEvents: 4_000, concurrency: 32, onReturn: () => {}, pace: freely, ...options }
  }

  /** Whether so many events that are offered now would be kept here. */
  takes = (count: number): boolean => !this.#isClosed && this.#held.size + count <= this.#options.maxEvents

  /** How much it would take now. Half of what is free is left to what comes meanwhile. */
  room(): Room {
    const isHeldBack = !this.#options.pace.hasRoom(this.#underWay.size)
    const { refillBelow, refillTo, share } = isHeldBack ? portions.heldBack : portions.flowing
    const isBusy = this.#ready.size >= refillBelow
    const events = Math.floor((this.#options.maxEvents - this.#held.size) / 2)
    if (this.#isStuck() || this.#isClosed || events <= 0) return { emails: 0, events: 0, isBusy }
    return { emails: isBusy ? share : refillTo - this.#ready.size, events, isBusy }
  }

  /** The events that have waited for so long to be signalled; none while nobody else can signal them either. */
  waitingFor(ms: number): StoredEventKey[] {
    if (this.#isStuck()) return []
    const since = performance.now() - ms
    const underWay = [...this.#underWay.values()].map(({ waiting }) => waiting)
    return [...underWay, ...this.#ready.values()].filter(({ sinceMs }) => sinceMs <= since).flatMap(keysOf)
  }

  /** Takes events for which there is room; the others are left to the sweep. */
  offer(waiting: readonly WaitingEvent[]): void {
    for (const { email, event, recipientDomain } of waiting) {
      const key = heldKey(email, event)
      if (this.#isClosed || this.#held.has(key) || this.#held.size >= this.#options.maxEvents) continue
      this.#held.add(key)
      this.#enqueue({ email, recipientDomain, events: [event], sinceMs: performance.now() })
    }
    this.goOn()
  }

  /** Takes nothing more and waits for the signals under way; what is left stays in the database. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#ready.clear()
    await Promise.allSettled([...this.#underWay.values()].map(({ sent }) => sent))
  }

  #isAway = (): boolean => this.#pauseMs > 0
  #isStuck = (): boolean => this.#isAway() || this.#options.pace.isStalled()

  #enqueue(came: WaitingEmail): void {
    const workflowId = workflowIdOf(came.email)
    const waiting = this.#ready.get(workflowId)
    if (!waiting) this.#ready.set(workflowId, came)
    else {
      waiting.events.push(...came.events)
      waiting.recipientDomain ??= came.recipientDomain
    }
  }

  /** Sends what may be sent now. */
  goOn(): void {
    const { concurrency, pace } = this.#options
    const limit = this.#isAway() ? 1 : concurrency
    for (const [workflowId, waiting] of this.#ready) {
      const underWay = this.#underWay.size
      if (this.#isPausing || this.#isClosed || underWay >= limit || !pace.hasRoom(underWay)) return
      if (this.#underWay.has(workflowId)) continue
      this.#ready.delete(workflowId)
      const rest = waiting.events.splice(maxEventsPerSignal)
      if (rest.length > 0) this.#enqueue({ ...waiting, events: rest })
      const sent = this.#send(waiting).finally(() => {
        this.#underWay.delete(workflowId)
        this.goOn()
      })
      this.#underWay.set(workflowId, { waiting, sent })
    }
  }

  async #send(waiting: WaitingEmail): Promise<void> {
    const { email, events, recipientDomain } = waiting
    const keys = keysOf(waiting)
    try {
      await this.#options.lives.signal(email, events, recipientDomain)
      this.#noteReturn()
      this.#release(waiting)
      this.#options.onSignalled(keys)
    } catch (error) {
      if (error instanceof TemporalUnavailableError) {
        this.#options.onFailure()
        this.#enqueue(waiting)
        await this.#pause()
      } else {
        this.#release(waiting)
        this.#options.onRejected(keys, reasonOf(error))
      }
    }
  }

  #noteReturn(): void {
    if (!this.#isAway()) return
    this.#pauseMs = 0
    this.#options.onReturn()
  }

  #release({ email, events }: WaitingEmail): void {
    for (const event of events) this.#held.delete(heldKey(email, event))
  }

  /** Doubles from pause to pause up to a quarter of a second, so that a returned server is found within half of one; with jitter. */
  async #pause(): Promise<void> {
    if (this.#isPausing || this.#isClosed) return
    this.#isPausing = true
    this.#pauseMs = Math.min(longestPauseMs, Math.max(firstPauseMs, this.#pauseMs * 2))
    await sleep(this.#pauseMs * (0.5 + Math.random() / 2))
    this.#isPausing = false
  }
}

const keysOf = ({ email, events }: WaitingEmail): StoredEventKey[] =>
  events.map(({ id, receivedAt }) => ({ provider: email.provider, id, receivedAt }))

const heldKey = (email: EmailKey, event: LifecycleEvent): string =>
  textOfKey({ provider: email.provider, id: event.id })

/** The client's own message only names the call; what Temporal has against it stands in the cause. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${reasonOf(error.cause)}`
}
