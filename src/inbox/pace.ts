import { type EventKey, type StoredEventKey, textOfKey } from '../db/events.ts'

export interface PaceOptions {
  /** Which of these events have not been applied. */
  readonly waiting: (keys: readonly StoredEventKey[]) => Promise<readonly EventKey[]>
  /** Called when signals may go on after they could not. */
  readonly onRoom: () => void
  /** Signals that may be ahead of workers that are slow or away. Default 64: a slow one's work of a second. */
  readonly leastAhead?: number
  /** How often it is asked what has been applied while many are ahead; a fifth as often while that is little. Default 100 ms. */
  readonly everyMs?: number
  /**
   * A life is stuck for itself, and holds up no other, once what was signalled so much later is applied. After so long without
   * anything applied a few more signals are let through to see whether that is so. Default 2 seconds.
   */
  readonly overtakenAfterMs?: number
  /** So long without anything applied, and workers are taken to be away. Default 5 seconds. */
  readonly stalledAfterMs?: number
  /** Where nothing at all is applied, what was signalled so long ago is not asked for any more. Default 20 seconds. */
  readonly forgottenAfterMs?: number
}

/** Few, since without workers all of them wait in Temporal, and what comes last is served last. */
const probesAtOnce = 16

/**
 * Of what may be ahead: less than this applied between two looks is not worth looking so often. A look costs a statement,
 * and what may be ahead lasts for a second.
 */
const worthLooking = 1 / 2

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
  /** Averaged over about a second: lives come in waves, and one look may see none of them, the next forty. */
  #appliedPerSecond = 0
  /** How many may be ahead for a look at whether only some lives are stuck. */
  #probesUpTo = 0
  #addedAtMs = Number.NEGATIVE_INFINITY
  #isWorthLooking = true
  #answeredAtMs = Number.NEGATIVE_INFINITY
  /** When something was last seen to be applied, or when it was first asked. */
  #progressAtMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(options: PaceOptions) {
    const times = { everyMs: 100, overtakenAfterMs: 2_000, stalledAfterMs: 5_000, forgottenAfterMs: 20_000 }
    this.#options = { leastAhead: 64, ...times, ...options }
  }

  /** Whether one more signal may be sent beside those that are under way. */
  hasRoom = (underWay: number): boolean => this.#ahead.size + underWay < this.#mayBeAhead()

  /** Whether there has been no room for long, since nothing is applied: workers are away, and nobody can do more. */
  isStalled = (): boolean => this.#isAsking() && performance.now() - this.#progressAtMs > this.#options.stalledAfterMs

  /** Temporal has taken a signal. @param last of its events: a life applies all of them, or none. */
  add(last: StoredEventKey): void {
    const name = textOfKey(last)
    // Anew at the end: it may have been signalled before.
    this.#ahead.delete(name)
    this.#addedAtMs = performance.now()
    this.#ahead.set(name, { key: last, atMs: this.#addedAtMs })
    if (!this.#isAsking()) {
      this.#progressAtMs = this.#addedAtMs
      this.#isWorthLooking = true
    }
    this.#askSoon()
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  #isAsking = (): boolean => this.#timer !== null

  #mayBeAhead = (): number => Math.max(this.#options.leastAhead, this.#appliedPerSecond, this.#probesUpTo)

  #askSoon(): void {
    if (this.#isClosed || this.#isAsking() || this.#ahead.size < this.#mayBeAhead() / 2) return
    const everyMs = this.#options.everyMs * (this.#isWorthLooking ? 1 : 5)
    this.#timer = setTimeout(() => void this.#ask(), everyMs).unref()
  }

  async #ask(): Promise<void> {
    const asked = [...this.#ahead.values()]
    try {
      const waiting = new Set((await this.#options.waiting(asked.map(({ key }) => key))).map(textOfKey))
      this.#noteApplied(
        asked.filter(({ key }) => !waiting.has(textOfKey(key))),
        asked,
      )
    } catch {
      // Asked again; by their time they are forgotten all the same.
    }
    this.#forgetBefore(performance.now() - this.#options.forgottenAfterMs)
    this.#timer = null
    this.#askSoon()
    if (this.hasRoom(0)) this.#options.onRoom()
  }

  #noteApplied(applied: readonly Signal[], asked: readonly Signal[]): void {
    const now = performance.now()
    const since = Math.max(this.#answeredAtMs, asked[0]?.atMs ?? now)
    const seconds = Math.max(1, now - since) / 1_000
    this.#appliedPerSecond += (applied.length / seconds - this.#appliedPerSecond) * Math.min(1, seconds)
    this.#answeredAtMs = now
    this.#isWorthLooking = applied.length >= this.#mayBeAhead() * worthLooking
    for (const { key } of applied) this.#ahead.delete(textOfKey(key))
    const newest = applied.at(-1)
    if (newest) {
      this.#progressAtMs = now
      this.#probesUpTo = 0
      this.#forgetBefore(newest.atMs - this.#options.overtakenAfterMs)
    } else if (now - this.#addedAtMs >= this.#options.overtakenAfterMs) {
      this.#probesUpTo = this.#ahead.size + probesAtOnce
    }
  }

  #forgetBefore(ms: number): void {
    for (const [name, { atMs }] of this.#ahead) {
      if (atMs >= ms) return
      this.#ahead.delete(name)
    }
  }
}
