import type { EventKey, StoredEventKey } from '../db/events.ts'

export interface PaceOptions {
  /** Which of these events have not been applied. */
  readonly waiting: (keys: readonly StoredEventKey[]) => Promise<readonly EventKey[]>
  /** Called when signals may go on after they could not. */
  readonly onRoom: () => void
  /** Signals that may be ahead of workers that are slow or away. Default 64: a slow one's work of a second. */
  readonly leastAhead?: number
  /** How often it is asked what has been applied, while many are ahead. Default 100 ms. */
  readonly everyMs?: number
  /** A life is stuck for itself, and holds up no other, once what was signalled so much later is applied. Default 2 seconds. */
  readonly overtakenAfterMs?: number
  /** Where nothing at all is applied, signals go on as slowly as this. Default 20 seconds. */
  readonly forgottenAfterMs?: number
}

interface Signal {
  readonly key: StoredEventKey
  /** By `performance.now()`. */
  readonly atMs: number
}

/**
 * Keeps signals from running further ahead of the workers than what these apply in a second. Temporal takes signals faster than
 * workers apply them, and serves in turn: without this, those of an outage's backlog take the server's time from the very
 * tasks that apply them, and an event that comes meanwhile waits for all of them. What is held back waits in PostgreSQL, where
 * what comes for one email gathers in one signal.
 *
 * The database says what is applied, since the workers may be anywhere. It is asked only while half of what may be ahead is.
 */
export class Pace {
  readonly #options: Required<PaceOptions>
  /** The last event of each signal, in the order of their time. */
  readonly #ahead = new Map<string, Signal>()
  #appliedPerSecond = 0
  #answeredAtMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(options: PaceOptions) {
    this.#options = { leastAhead: 64, everyMs: 100, overtakenAfterMs: 2_000, forgottenAfterMs: 20_000, ...options }
  }

  /** Whether one more signal may be sent beside those that are under way. */
  hasRoom = (underWay = 0): boolean => this.#ahead.size + underWay < this.#mayBeAhead()

  /** Temporal has taken a signal. @param last of its events: a life applies all of them, or none. */
  add(last: StoredEventKey): void {
    this.#ahead.set(nameOf(last), { key: last, atMs: performance.now() })
    this.#askSoon()
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  #mayBeAhead = (): number => Math.max(this.#options.leastAhead, this.#appliedPerSecond)

  #askSoon(): void {
    if (this.#isClosed || this.#timer || this.#ahead.size < this.#mayBeAhead() / 2) return
    this.#timer = setTimeout(() => void this.#ask(), this.#options.everyMs).unref()
  }

  async #ask(): Promise<void> {
    const asked = [...this.#ahead.values()]
    try {
      const waiting = new Set((await this.#options.waiting(asked.map(({ key }) => key))).map(nameOf))
      this.#noteApplied(
        asked.filter(({ key }) => !waiting.has(nameOf(key))),
        asked,
      )
    } catch {
      // Asked again; by their time they are forgotten all the same.
    }
    this.#forgetBefore(performance.now() - this.#options.forgottenAfterMs)
    this.#timer = null
    this.#askSoon()
    if (this.hasRoom()) this.#options.onRoom()
  }

  #noteApplied(applied: readonly Signal[], asked: readonly Signal[]): void {
    const now = performance.now()
    const since = Math.max(this.#answeredAtMs, asked[0]?.atMs ?? now)
    this.#appliedPerSecond = (applied.length / Math.max(1, now - since)) * 1_000
    this.#answeredAtMs = now
    for (const { key } of applied) this.#ahead.delete(nameOf(key))
    this.#forgetBefore((applied.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) - this.#options.overtakenAfterMs)
  }

  #forgetBefore(ms: number): void {
    for (const [name, { atMs }] of this.#ahead) {
      if (atMs >= ms) return
      this.#ahead.delete(name)
    }
  }
}

const nameOf = ({ provider, id }: EventKey): string => `${provider}\n${id}`
