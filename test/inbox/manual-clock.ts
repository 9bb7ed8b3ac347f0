import type { Clock } from '../../src/inbox/clock.ts'

/** A clock that only the test advances. */
export class ManualClock implements Clock {
  #nowMs = 0
  readonly #sleeping = new Set<{ readonly untilMs: number; wake(): void }>()

  now = (): number => this.#nowMs

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleeping.delete(sleeper)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const sleeper = { untilMs: this.#nowMs + ms, wake }
      if (signal?.aborted) return resolve()
      this.#sleeping.add(sleeper)
      signal?.addEventListener('abort', wake, { once: true })
    })
  }

  /** Advances the time, and wakes one sleeper after the other. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await settled()
    for (;;) {
      const [next] = [...this.#sleeping].filter(({ untilMs }) => untilMs <= endMs).sort((a, b) => a.untilMs - b.untilMs)
      if (!next) break
      this.#nowMs = Math.max(this.#nowMs, next.untilMs)
      next.wake()
      await settled()
    }
    this.#nowMs = endMs
  }
}

/** Resolves when all promises that need no time are settled. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
