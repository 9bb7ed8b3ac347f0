import type { StoredEventKey } from '../db/events.ts'

export interface SignalledLeasesOptions {
  /** Gives those of the events that are still unapplied more time. */
  readonly extend: (keys: readonly StoredEventKey[]) => Promise<unknown>
  /** How long a signalled event is given to be applied before its lease is looked after. Default 2 seconds. */
  readonly graceMs?: number
}

const maxKeysPerStatement = 2_000

/**
 * Events that Temporal holds but no worker has applied yet must not be swept up and signalled again: that would load a
 * system the more, the slower it is. So their leases are extended, in groups, and only after a grace time in which
 * nearly all of them are applied.
 */
export class SignalledLeases {
  readonly #options: Required<SignalledLeasesOptions>
  #young: StoredEventKey[] = []
  #old: StoredEventKey[] = []
  readonly #timer: NodeJS.Timeout

  constructor(options: SignalledLeasesOptions) {
    this.#options = { graceMs: 2_000, ...options }
    this.#timer = setInterval(() => void this.#turn(), this.#options.graceMs).unref()
  }

  add(keys: readonly StoredEventKey[]): void {
    this.#young.push(...keys)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #turn(): Promise<void> {
    const due = this.#old
    this.#old = this.#young
    this.#young = []
    for (let start = 0; start < due.length; start += maxKeysPerStatement) {
      // When it fails, the leases run out and the events are signalled once more, which harms nobody.
      await this.#options.extend(due.slice(start, start + maxKeysPerStatement)).catch(() => {})
    }
  }
}
