/** Owns the clock and all asynchronous answers, and delivers them in an order that the seed determines. */
import type { Random } from './random.ts'

/** A process that can be killed. Nothing is delivered to it afterwards. */
export class Process {
  readonly name: string
  isAlive = true

  constructor(name: string) {
    this.name = name
  }
}

interface Step {
  readonly process: Process | null
  readonly run: () => void
}

interface Timer extends Step {
  readonly at: number
  readonly order: number
}

/** Resolves when all code under test waits for the scheduler again. */
const microtasksDone = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Steps that can run now, in any order, and timers, in the order of their times. */
export class Scheduler {
  readonly random: Random
  /** Virtual epoch milliseconds. */
  now: number
  /** The probability that the clock advances although a step could run now. It makes answers late. */
  clockBias = 0.04
  #steps: Step[] = []
  #timers: Timer[] = []
  #order = 0
  #busy = 0

  constructor(random: Random, startsAt: number) {
    this.random = random
    this.now = startsAt
  }

  /** Adds a step, which runs at a time of the scheduler's choice, unless `process` was killed; null: in any case. */
  soon(process: Process | null, run: () => void): void {
    this.#steps.push({ process, run })
  }

  /** Adds a timer. @returns a function that cancels it. */
  after(process: Process | null, ms: number, run: () => void): () => void {
    const timer: Timer = { process, run, at: this.now + Math.max(0, ms), order: this.#order++ }
    let index = this.#timers.length
    while (index > 0 && isAfter(this.#timers[index - 1] as Timer, timer)) index -= 1
    this.#timers.splice(index, 0, timer)
    return () => {
      const at = this.#timers.indexOf(timer)
      if (at >= 0) this.#timers.splice(at, 1)
    }
  }

  /** Sleeps in virtual time. Ends early, without an error, if `signal` is aborted. */
  sleep(process: Process, ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = this.after(process, ms, resolve)
      signal?.addEventListener('abort', () => {
        cancel()
        resolve()
      })
    })
  }

  /** Runs asynchronous work that must finish before the next step. */
  async atomically<T>(work: () => Promise<T>): Promise<T> {
    this.#busy += 1
    try {
      return await work()
    } finally {
      this.#busy -= 1
    }
  }

  /** Waits until all code under test waits for the scheduler. */
  async drain(): Promise<void> {
    do await microtasksDone()
    while (this.#busy > 0)
  }

  /** Runs one step or timer. @returns false if there is none. */
  async step(): Promise<boolean> {
    const isClocksTurn = this.#timers.length > 0 && (this.#steps.length === 0 || this.random.chance(this.clockBias))
    const next = isClocksTurn ? this.#timers.shift() : this.#takeStep()
    if (!next) return false
    if ('at' in next) this.now = Math.max(this.now, (next as Timer).at)
    if (next.process?.isAlive === false) return true
    next.run()
    await this.drain()
    return true
  }

  #takeStep(): Step | undefined {
    const index = this.random.below(this.#steps.length)
    const step = this.#steps[index]
    const last = this.#steps.pop()
    if (step && last && index < this.#steps.length) this.#steps[index] = last
    return step
  }
}

const isAfter = (a: Timer, b: Timer): boolean => a.at > b.at || (a.at === b.at && a.order > b.order)
