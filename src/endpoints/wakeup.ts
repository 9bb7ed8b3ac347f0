/** Lets a loop wait for the next thing to do. */
export class Wakeup {
  #isPending = false
  #wake: () => void = () => {}

  /** Ends the wait, or the next one if none is under way. */
  readonly call = (): void => {
    this.#isPending = true
    this.#wake()
  }

  /** Resolves when called, also since the last wait, and after `ms`. */
  async wait(ms: number): Promise<void> {
    if (!this.#isPending) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#isPending = false
    this.#wake = () => {}
  }
}
