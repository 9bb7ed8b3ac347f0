/** Calls from a process to a server. Each request and each answer may be late or lost. */
import type { Process, Scheduler } from './scheduler.ts'

/** Whether a server answers. Refusing: an error at once. Silent: an error after the caller's deadline. */
export type Reach = 'up' | 'refusing' | 'silent'

/** The longest delay of a request. */
export const maxDelayMs = 30_000

export interface NetworkOptions {
  readonly scheduler: Scheduler
  /** The error of a caller that does not know whether its request had an effect. */
  readonly lost: () => Error
}

/** The connection to one server. */
export class Network {
  readonly #scheduler: Scheduler
  readonly #lost: () => Error
  reach: Reach = 'up'
  /** The share of requests that are very late, of requests that are lost, and of answers that are lost. */
  loss = 0

  constructor({ scheduler, lost }: NetworkOptions) {
    this.#scheduler = scheduler
    this.#lost = lost
  }

  /**
   * @param effect what the server does, atomically. An error that it throws is an answer.
   * @param deadlineMs after which the caller gives up. The request may still have its effect later.
   */
  call<T>(caller: Process, deadlineMs: number, effect: () => T): Promise<T> {
    const scheduler = this.#scheduler
    return new Promise<T>((resolve, reject) => {
      if (!caller.isAlive) return
      let isOver = false
      const settle = (how: () => void) => {
        if (isOver) return
        isOver = true
        cancel()
        how()
      }
      const lose = () => settle(() => reject(this.#lost()))
      const cancel = scheduler.after(caller, deadlineMs, lose)
      const arrive = () => {
        if (this.reach === 'silent') return
        if (this.reach === 'refusing' || this.#isLost()) return scheduler.soon(caller, lose)
        const answer = answerOf(effect, resolve, reject)
        if (!this.#isLost()) scheduler.soon(caller, () => settle(answer))
        // Most lost answers are broken connections, which fail at once; the others end by the deadline.
        else if (scheduler.random.chance(0.7)) scheduler.soon(caller, lose)
      }
      // A delayed request may arrive after its caller has given up.
      if (this.#isLost()) scheduler.after(null, scheduler.random.below(maxDelayMs), arrive)
      else scheduler.soon(null, arrive)
    })
  }

  #isLost = (): boolean => this.loss > 0 && this.#scheduler.random.chance(this.loss)
}

/** Executes the effect now. @returns a function that delivers the answer to the caller. */
function answerOf<T>(effect: () => T, resolve: (value: T) => void, reject: (error: unknown) => void): () => void {
  try {
    const value = effect()
    return () => resolve(value)
  } catch (error) {
    return () => reject(error)
  }
}
