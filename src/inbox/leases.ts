import type { StoredEventKey } from '../db/events.ts'

export interface LeasesOptions {
  /** Gives those of the events that are still unapplied more time: to be applied, or to be signalled. */
  readonly extend: (keys: readonly StoredEventKey[], to: 'be applied' | 'be signalled') => Promise<unknown>
  /** The events that have waited for their signal for so many milliseconds. */
  readonly waitingFor: (ms: number) => readonly StoredEventKey[]
  /** How long a signalled event is given to be applied before its lease is looked after. Default 2 seconds. */
  readonly graceMs?: number
}

const maxKeysPerStatement = 2_000

/**
 * Events that Temporal holds but no worker has applied yet must not be swept up and signalled again: that would load a
 * system the more, the slower it is. So their leases are extended, in groups, and only after a grace time in which
 * nearly all of them are applied. So are those of events that wait here for their turn, or another instance would signal them too.
 */
export class Leases {
  readonly #options: Required<LeasesOptions>
  #young: StoredEventKey[] = []
  #old: StoredEventKey[] = []
  #isLooking = false
  readonly #timer: NodeJS.Timeout

  constructor(options: LeasesOptions) {
    this.#options = { graceMs: 2_000, ...options }
    this.#timer = setInterval(() => void this.look(), this.#options.graceMs).unref()
  }

  addSignalled(keys: readonly StoredEventKey[]): void {
    this.#young.push(...keys)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Looks at all of them now; not while it looks, since a slow database must not be asked the same again and again. */
  async look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    await this.#extendAll()
    this.#isLooking = false
  }

  async #extendAll(): Promise<void> {
    const { extend, graceMs, waitingFor } = this.#options
    const signalled = this.#old
    this.#old = this.#young
    this.#young = []
    // When one fails, the leases run out and the events are signalled once more, which harms nobody.
    for (const keys of portionsOf(signalled)) await extend(keys, 'be applied').catch(() => {})
    for (const keys of portionsOf(waitingFor(graceMs))) await extend(keys, 'be signalled').catch(() => {})
  }
}

function* portionsOf(keys: readonly StoredEventKey[]) {
  for (let start = 0; start < keys.length; start += maxKeysPerStatement) {
    yield keys.slice(start, start + maxKeysPerStatement)
  }
}
