import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow'

/**
 * One timer for whatever deadline is next. It is started anew only when that deadline changes, which happens when a life
 * settles or an escalation moves, never for an event alone: so a whole life costs two or three timers.
 */
export class Alarm {
  /** Whether the deadline that was set has come. */
  rang = false
  #deadline: number | null = null
  #scope: CancellationScope | null = null

  /** Rings at `deadline` (epoch milliseconds, in the future), and at no other time; null for never. */
  set(deadline: number | null): void {
    if (deadline === this.#deadline && !this.rang) return
    this.#scope?.cancel()
    this.#scope = null
    this.#deadline = deadline
    this.rang = false
    if (deadline !== null) this.#start(deadline)
  }

  #start(deadline: number): void {
    const scope = new CancellationScope()
    this.#scope = scope
    scope
      .run(() => sleep(Math.max(1, deadline - Date.now())))
      .then(
        () => {
          this.rang = true
        },
        (error) => {
          if (!isCancellation(error)) throw error
        },
      )
  }
}
