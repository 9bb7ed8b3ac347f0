import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { WaitingEvent } from '../db/events.ts'
import type { Dispatcher, Room } from './dispatcher.ts'

export interface SweeperOptions {
  readonly dispatcher: Pick<Dispatcher, 'offer' | 'room'>
  /** Leases overdue events, no more than there is room for. */
  readonly claim: (room: Room) => Promise<readonly WaitingEvent[]>
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
    while (!this.#stop.signal.aborted) {
      await this.#sweep()
      await sleep(this.#mayBeMore ? againAfterMs : this.#options.everyMs * (0.75 + Math.random() / 2), undefined, {
        signal: this.#stop.signal,
      }).catch(() => {})
    }
  }

  async #sweep(): Promise<void> {
    const room = this.#options.dispatcher.room()
    if (room.emails === 0) return
    try {
      const claimed = await this.#options.claim(room)
      this.#mayBeMore = claimed.length >= Math.min(room.emails, room.events)
      this.#options.dispatcher.offer(claimed)
    } catch (error) {
      // The next sweep tries again; nothing is lost meanwhile.
      this.#mayBeMore = false
      this.#options.log.warn({ reason: error instanceof Error ? error.name : 'unknown' }, 'a sweep failed')
    }
  }
}
