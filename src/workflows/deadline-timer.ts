import type { WorkflowRuntime, WorkflowTimer } from './workflow-runtime.ts'

/** When a run must act; epoch milliseconds. */
export interface Deadline {
  readonly at: number
  /** A timer that fires by then is early enough. */
  readonly latest: number
}

/**
 * The one timer of a run, for its next deadline. It is lazy: a later deadline leaves the timer alone, and when it fires, the loop
 * checks what is due and sets it again. Only a deadline that the timer would miss replaces it. Each timer costs history events.
 */
export class DeadlineTimer {
  readonly #runtime: WorkflowRuntime
  readonly #isLazy: boolean
  #at: number | null = null
  #timer: WorkflowTimer | null = null

  /** @param isLazy false: replaced whenever the deadline changes, as versions before 0.4.0 did. */
  constructor(runtime: WorkflowRuntime, isLazy: boolean) {
    this.#runtime = runtime
    this.#isLazy = isLazy
  }

  /** Whether the timer has fired. */
  get hasFired(): boolean {
    return this.#timer?.hasFired ?? false
  }

  /** Makes sure that a timer fires in time for the deadline; null: no timer is needed. */
  set(deadline: Deadline | null): void {
    if (!this.hasFired && this.#isInTimeFor(deadline)) return
    this.#timer?.cancel()
    this.#at = deadline?.at ?? null
    this.#timer = deadline && this.#runtime.startTimer(Math.max(1, deadline.at - this.#runtime.now()))
  }

  #isInTimeFor(deadline: Deadline | null): boolean {
    if (!this.#isLazy) return this.#at === (deadline?.at ?? null)
    return deadline === null || (this.#at !== null && this.#at <= deadline.latest)
  }
}
