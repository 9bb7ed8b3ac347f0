import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { WaitingEvent } from '../db/leases.ts'
import type { Dispatcher, Room } from './dispatcher.ts'

export interface SweeperOptions {
  readonly dispatcher: Pick<Dispatcher, 'offer' | 'room'>
  /** Leases overdue events: of so many emails, so many events at most. */
  readonly claim: (room: Pick<Room, 'emails' | 'events'>) => Promise<readonly WaitingEvent[]>
  readonly log: Pick<Logger, 'warn'>
  /** Time between sweeps that find little. Default 1 second. */
  readonly everyMs?: number
}

const againAfterMs = 20

/**
 * Sends again whatever stays unapplied: events whose instance died between commit and signal, that found no room in
 * memory, or whose workflow was lost. Any number of instances may sweep; a row is leased by one of them at a time.
 */
export class Sweeper {
  readonly #options: Required<SweeperOptions>
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()
  /** Whether the last claim found all that it had asked for. */
  #mayBeMore = false
  #hasFailed = false
  #claimedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: SweeperOptions) {
    this.#options = { everyMs: 1_000, ...options }
  }

  start(): void {
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { dispatcher, everyMs } = this.#options
    while (!this.#stop.signal.aborted) {
      const room = dispatcher.room()
      const isTurn = !room.isBusy || performance.now() - this.#claimedAtMs >= everyMs
      if (room.emails > 0 && isTurn) await this.#sweep(room)
      const isSoon = this.#mayBeMore && room.emails > 0
      await sleep(isSoon ? againAfterMs : everyMs * (0.75 + Math.random() / 2), undefined, {
        signal: this.#stop.signal,
      }).catch(() => {})
    }
  }

  async #sweep(room: Room): Promise<void> {
    // One that failed may have had too much to read: an email that was heard of a hundred thousand times.
    const emails = Math.min(room.emails, room.events)
    const wanted = { emails, events: this.#hasFailed ? emails : room.events }
    try {
      const claimed = await this.#options.claim(wanted)
      this.#hasFailed = false
      this.#claimedAtMs = performance.now()
      this.#mayBeMore = claimed.length >= emails
      this.#options.dispatcher.offer(claimed)
    } catch (error) {
      // The next sweep tries again; nothing is lost meanwhile.
      this.#hasFailed = true
      this.#mayBeMore = false
      this.#options.log.warn({ reason: error instanceof Error ? error.name : 'unknown' }, 'a sweep failed')
    }
  }
}
