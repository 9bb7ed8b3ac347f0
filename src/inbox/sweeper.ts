import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { WaitingEvent } from '../db/events.ts'
import type { Dispatcher } from './dispatcher.ts'

export interface SweeperOptions {
  readonly dispatcher: Pick<Dispatcher, 'offer' | 'room'>
  /** Leases at most `limit` overdue events. */
  readonly claim: (limit: number) => Promise<readonly WaitingEvent[]>
  readonly log: Pick<Logger, 'warn'>
  /** Time between sweeps that find little. Default 1 second. */
  readonly everyMs?: number
}

const maxClaim = 500

/**
 * Sends again whatever stays unapplied: events whose instance died between commit and signal, that found no room in
 * memory, or whose workflow was lost. Any number of instances may sweep; a row is leased by one of them at a time.
 */
export class Sweeper {
  readonly #options: Required<SweeperOptions>
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

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
      const foundAll = await this.#sweep()
      await sleep(foundAll ? 20 : this.#options.everyMs * (0.75 + Math.random() / 2), undefined, {
        signal: this.#stop.signal,
      }).catch(() => {})
    }
  }

  /** @returns whether there may be more to claim right now. */
  async #sweep(): Promise<boolean> {
    const limit = Math.min(maxClaim, this.#options.dispatcher.room())
    if (limit === 0) return false
    try {
      const claimed = await this.#options.claim(limit)
      this.#options.dispatcher.offer(claimed)
      return claimed.length === limit
    } catch (error) {
      // The next sweep tries again; nothing is lost meanwhile.
      this.#options.log.warn({ reason: error instanceof Error ? error.name : 'unknown' }, 'a sweep failed')
      return false
    }
  }
}
