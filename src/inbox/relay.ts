import type { StoredEventKey } from '../db/event-key.ts'
import { isEngagement, type ReceivedEvent } from '../domain/events.ts'
import { reasonOf, TemporalRefusedError, TemporalUnavailableError, WorkflowBusyError } from '../errors.ts'
import type { EmailWorkflows } from '../temporal/email-workflows.ts'
import { flowing, type TemporalStatus } from '../temporal/temporal-status.ts'
import type { Clock } from './clock.ts'
import { EngagementQueue } from './engagement-queue.ts'
import type { EventStore, RelayedEvent } from './event-store.ts'
import { type CoalesceMs, keysOf, type SignalBatch, SignalBatches, withoutWaiting } from './signal-batches.ts'

export interface RelayOptions {
  readonly store: Pick<EventStore, 'claim' | 'release' | 'defer' | 'reject' | 'applyEngagements'>
  readonly workflows: Pick<EmailWorkflows, 'signal'>
  readonly clock: Clock
  readonly coalesceMs: CoalesceMs
  /** Called when Temporal did not accept a signal. Its events are sent again. */
  readonly onFailure: () => void
  /** Called when Temporal refuses these events, and not the connection. */
  readonly onRejected: (keys: readonly StoredEventKey[], reason: string) => void
  /** Called when opens and clicks were applied without a workflow. */
  readonly onApplied?: () => void
  /** Called when a database statement failed. It is retried. */
  readonly onStoreFailure?: (error: unknown) => void
  /**
   * The limit of claimed and unapplied events, over all instances. Default 200: a backlog of 16,000 events drained at 308 per
   * second while new events waited for 0.3 s; with 512 at 269 per second and 2 s (bench:drain).
   */
  readonly window?: number
  /** The limit of active signals. Default 32. */
  readonly concurrency?: number
  /** Time between polls that find few events. Default 1 second. */
  readonly pollEveryMs?: number
}

const [firstPauseMs, maxPauseMs] = [100, 1_000]
const pollSoonMs = 20
const pollWhileFullMs = 100
const busyPauseMs = 1_500

/** While Temporal is away, events that were signalled before fill the window: they must not prevent a probe. */
const probe = { window: 1_000_000, emails: 64 }

/**
 * Sends claimed events to their workflows, with one active signal per email. Events that arrive during a signal, or within the
 * coalescing time of their priority, share the next one: the slower Temporal is, the more events a signal holds.
 *
 * One loop polls for unclaimed events and claims them as far as the window has room. The window is counted in the database, over all
 * instances, and limits how far signals run ahead of the workers: a backlog waits in the database, where its events coalesce by
 * email, and a new event does not wait behind it in Temporal.
 *
 * While Temporal is away or refuses requests, all claimed events are released, and single emails probe it with a growing pause.
 */
export class Relay {
  readonly #options: Required<RelayOptions>
  readonly #batches: SignalBatches
  /** By workflow ID. */
  readonly #active = new Map<string, Promise<void>>()
  readonly #engagements: EngagementQueue
  #status: TemporalStatus = flowing
  #pauseMs = 0
  /** The room in the window at the last poll, less the events that inserts have claimed since. */
  #room: number
  /** Events accepted since the last poll started, which it may not have counted. */
  #acceptedSincePoll = 0
  #polling: Promise<void> = Promise.resolve()
  #isPollRequested = false
  /** Whether the loop sleeps until the next regular poll, and a request may wake it. */
  #isIdle = false
  #wake = new AbortController()
  #isClosed = false

  constructor(options: RelayOptions) {
    const ignore = () => {}
    this.#options = {
      window: 200,
      concurrency: 32,
      pollEveryMs: 1_000,
      onApplied: ignore,
      onStoreFailure: ignore,
      ...options,
    }
    this.#room = this.#options.window
    const { clock, store, onApplied, onStoreFailure } = this.#options
    this.#batches = new SignalBatches({ clock, onDue: () => this.#send() })
    this.#engagements = new EngagementQueue({
      apply: (keys) => store.applyEngagements(keys),
      onApplied,
      onUnsettled: (events) => this.#addUnsettled(events),
      onFailure: onStoreFailure,
    })
  }

  start(): void {
    this.#polling = this.#pollUntilClosed()
  }

  status = (): TemporalStatus => this.#status

  /**
   * Which of these events to claim for this instance when they are stored; any instance may claim the others. The window does not
   * limit opens and clicks, since nearly all are of settled emails.
   */
  claims(events: readonly Pick<ReceivedEvent, 'type'>[]): (event: Pick<ReceivedEvent, 'type'>) => boolean {
    if (this.#isClosed || this.#status.state !== 'flowing') return () => false
    const engagements = events.filter(isEngagement).length
    const hasRoom = this.#room >= events.length - engagements
    const hasRoomForEngagements = this.#engagements.hasRoom(engagements)
    return (event) => (isEngagement(event) ? hasRoomForEngagements : hasRoom)
  }

  /** Takes over events that were claimed when they were stored. */
  accept(events: readonly RelayedEvent[]): void {
    this.#countAccepted(events.filter(({ event }) => !isEngagement(event)).length)
    this.#add(events, this.#options.coalesceMs)
  }

  /** Unclaimed events were stored: polls soon. */
  noteUnclaimed(): void {
    this.#requestPoll()
  }

  /** Waits for the active signals and releases all other events. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#wake.abort()
    await Promise.all([this.#polling, this.#engagements.whenIdle()])
    await this.#release()
    await Promise.allSettled(this.#active.values())
  }

  async #pollUntilClosed(): Promise<void> {
    const { clock, pollEveryMs, onStoreFailure } = this.#options
    while (!this.#isClosed) {
      this.#isPollRequested = false
      const nextMs = await this.#poll().catch((error) => {
        onStoreFailure(error)
        return pollEveryMs
      })
      // The shortest time between two polls.
      await clock.sleep(Math.min(nextMs, pollSoonMs))
      // While Temporal is away, new events must not shorten the pause.
      this.#isIdle = nextMs >= pollEveryMs && this.#status.state === 'flowing'
      if (this.#isClosed || nextMs <= pollSoonMs || (this.#isIdle && this.#isPollRequested)) continue
      this.#wake = new AbortController()
      await clock.sleep(nextMs - pollSoonMs, this.#wake.signal)
      this.#isIdle = false
    }
  }

  /** Claims events as far as there is room. @returns the time until the next poll. */
  async #poll(): Promise<number> {
    const { store, window, pollEveryMs } = this.#options
    const isProbing = this.#status.state !== 'flowing'
    if (isProbing && this.#active.size > 0) return firstPauseMs
    this.#acceptedSincePoll = 0
    const claim = await store.claim(isProbing ? probe : { window, emails: window })
    this.#room = window - claim.inFlight - this.#acceptedSincePoll
    this.#add(claim.events, isProbing || claim.hasMore ? withoutWaiting : this.#options.coalesceMs)
    if (isProbing) {
      // Opens and clicks of settled emails do not probe Temporal.
      await this.#engagements.whenIdle()
      return this.#active.size === 0 && claim.events.length > 0 ? pollSoonMs : this.#pauseMs
    }
    if (this.#room <= 0) return pollWhileFullMs
    return claim.hasMore ? pollSoonMs : pollEveryMs
  }

  #countAccepted(count: number): void {
    this.#room -= count
    this.#acceptedSincePoll += count
    // There may be room again: events signalled since the last poll may be applied by now.
    if (count > 0 && this.#room < this.#options.window / 2) this.#requestPoll()
  }

  #requestPoll(): void {
    this.#isPollRequested = true
    if (this.#isIdle) this.#wake.abort()
  }

  #add(events: readonly RelayedEvent[], coalesceMs: CoalesceMs): void {
    for (const relayed of events) {
      if (isEngagement(relayed.event)) this.#engagements.add(relayed)
      else this.#batches.add(relayed, coalesceMs)
    }
    this.#send()
  }

  /** Adds opens and clicks of unsettled emails to the signals. */
  #addUnsettled(events: readonly RelayedEvent[]): void {
    this.#countAccepted(events.length)
    const coalesceMs = this.#status.state === 'flowing' ? this.#options.coalesceMs : withoutWaiting
    for (const relayed of events) this.#batches.add(relayed, coalesceMs)
    this.#send()
  }

  /** Sends batches until the limit of active signals. */
  #send(): void {
    const limit = this.#status.state === 'flowing' ? this.#options.concurrency : 1
    while (!this.#isClosed && this.#active.size < limit) {
      const batch = this.#batches.next((workflowId) => this.#active.has(workflowId))
      if (!batch) return
      const { workflowId } = batch
      const sent = this.#signal(batch).finally(() => {
        this.#active.delete(workflowId)
        this.#send()
      })
      this.#active.set(workflowId, sent)
    }
  }

  async #signal(batch: SignalBatch): Promise<void> {
    const { email, events, recipientDomain, priority, account } = batch
    const { workflows, store, onFailure, onRejected, onStoreFailure } = this.#options
    const keys = keysOf(batch)
    try {
      await workflows.signal(email, events, recipientDomain, priority, account)
      this.#onAccepted()
    } catch (error) {
      if (error instanceof WorkflowBusyError) await store.defer(keys, busyPauseMs).catch(onStoreFailure)
      else if (error instanceof TemporalUnavailableError) {
        onFailure()
        await this.#onUnavailable(error, keys)
      } else onRejected(keys, reasonOf(error))
    }
  }

  #onAccepted(): void {
    if (this.#status.state === 'flowing') return
    this.#status = flowing
    this.#pauseMs = 0
    this.#requestPoll()
  }

  async #onUnavailable(error: TemporalUnavailableError, keys: readonly StoredEventKey[]): Promise<void> {
    const state = error instanceof TemporalRefusedError ? 'refused' : 'away'
    const since = this.#status.state === state ? this.#status.since : Date.now()
    this.#status = { state, since, detail: error.message }
    this.#pauseMs = Math.min(maxPauseMs, Math.max(firstPauseMs, this.#pauseMs * 2))
    await this.#release(keys)
  }

  /** Releases these events and all that are not signalled yet. If that fails, their leases expire. */
  async #release(keys: readonly StoredEventKey[] = []): Promise<void> {
    const all = [...keys, ...this.#batches.clear()]
    if (all.length > 0) await this.#options.store.release(all).catch(this.#options.onStoreFailure)
  }
}
