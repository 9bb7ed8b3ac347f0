import type { EventKey, StoredEventKey } from '../db/events.ts'

export interface PaceOptions {
  /** Which of these events have not been applied. */
  readonly waiting: (keys: readonly StoredEventKey[]) => Promise<readonly EventKey[]>
  /** Called when signals may go on after they could not. */
  readonly onRoom: () => void
  /** Signals that may be ahead of the workers. Default 256: some seconds of a slow worker's, and more than a fast one holds. */
  readonly maxAhead?: number
  /** How often it is asked what has been applied, while many are ahead. Default 100 ms. */
  readonly everyMs?: number
  /** A life that takes longer holds nobody up any more. Default 20 seconds. */
  readonly forgetAfterMs?: number
}

interface Signal {
  readonly key: StoredEventKey
  /** By `performance.now()`. */
  readonly atMs: number
}

/**
 * Keeps signals from running ahead of the workers. Temporal takes them faster than workers apply them, and serves in turn: without this, the
 * signals of an outage's backlog would take the server's time from the very tasks that apply them, and an event that comes
 * meanwhile would wait for all of them. What is held back waits in PostgreSQL, where what comes for one email
 * gathers in one signal.
 *
 * The database says what is applied, since the workers may be anywhere. It is asked only while half of what may be ahead is.
 */
export class Pace {
  readonly #options: Required<PaceOptions>
  /** The last event of each signal; in the order of their time. */
  readonly #ahead = new Map<string, Signal>()
  #timer: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(options: PaceOptions) {
    this.#options = { maxAhead: 256, everyMs: 100, forgetAfterMs: 20_000, ...options }
  }

  /** Whether one more signal may be sent beside those that are under way. */
  hasRoom = (underWay = 0): boolean => this.#ahead.size + underWay < this.#options.maxAhead

  /** Temporal has taken a signal. @param last of its events: a life applies all of them, or none. */
  add(last: StoredEventKey): void {
    this.#ahead.set(nameOf(last), { key: last, atMs: performance.now() })
    this.#askSoon()
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  #askSoon(): void {
    if (this.#isClosed || this.#timer || this.#ahead.size < this.#options.maxAhead / 2) return
    this.#timer = setTimeout(() => void this.#ask(), this.#options.everyMs).unref()
  }

  async #ask(): Promise<void> {
    const asked = [...this.#ahead.values()]
    try {
      const waiting = new Set((await this.#options.waiting(asked.map(({ key }) => key))).map(nameOf))
      for (const { key } of asked) if (!waiting.has(nameOf(key))) this.#ahead.delete(nameOf(key))
    } catch {
      // Asked again; by their time they are forgotten all the same.
    }
    const since = performance.now() - this.#options.forgetAfterMs
    for (const { key, atMs } of asked) if (atMs <= since) this.#ahead.delete(nameOf(key))
    this.#timer = null
    this.#askSoon()
    if (this.hasRoom()) this.#options.onRoom()
  }
}

const nameOf = ({ provider, id }: EventKey): string => `${provider}\n${id}`
