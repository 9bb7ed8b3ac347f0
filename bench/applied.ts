/** Counts what was applied, and tells who waits for a number: in the process itself, so that nobody is asked meanwhile. */
export class Applied {
  #count = 0
  #awaited: { readonly count: number; readonly reached: () => void } | null = null

  add(events: number): void {
    this.#count += events
    if (this.#awaited && this.#count >= this.#awaited.count) this.#awaited.reached()
  }

  get count(): number {
    return this.#count
  }

  /** Starts anew at zero. */
  reset(): void {
    this.#count = 0
  }

  /**
   * Resolves when `count` events were applied since the last reset.
   * @throws when they were not within `withinMs`: then something is broken, and no figure would be true.
   */
  whenReached(count: number, withinMs = 120_000): Promise<void> {
    if (this.#count >= count) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const missing = () => reject(new Error(`${this.#count} of ${count} events applied within ${withinMs} ms`))
      const timer = setTimeout(missing, withinMs)
      const reached = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#awaited = { count, reached }
    })
  }
}
