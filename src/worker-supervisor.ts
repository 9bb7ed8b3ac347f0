/**
 * Keeps the worker of ROLE=all running in a separate process. In the API's process it would delay acknowledgements, since
 * Temporal's SDK passes activities and results through the event loop. A thread would separate the loops but not the heap,
 * and a crash of the worker would end the API.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { lowerPriority } from './embedded/priority.ts'
import { type MetricValues, noMetrics } from './metrics.ts'

/** What the worker's process cannot read from the environment. Sent over IPC, since command lines are visible to all users. */
export interface WorkerSettings {
  readonly databaseUrl: string
  readonly temporalAddress: string
  readonly erasureKey: string | null
}

export type MessageToWorker =
  | { readonly type: 'start'; readonly settings: WorkerSettings }
  | { readonly type: 'metrics' }
  | { readonly type: 'stop' }

export type MessageFromWorker =
  | { readonly type: 'polling'; readonly isPolling: boolean }
  | { readonly type: 'metrics'; readonly values: MetricValues }

export interface SupervisorOptions {
  readonly log: Pick<Logger, 'warn' | 'info'>
  /** The program of the worker's process. Default: worker-process beside this file. */
  readonly program?: string
  /** Milliseconds to stop before the process is killed. Default 10 s. */
  readonly graceMs?: number
}

const answerWithinMs = 1_000
const shortestBackoffMs = 100
const longestBackoffMs = 10_000
/** After running this long, the process was healthy, and the backoff starts again. */
const healthyAfterMs = 30_000

/**
 * Launches the process at once, so that it loads while the servers start, and relaunches it when it ends. The process exits by
 * itself when this process ends for any reason.
 */
export class WorkerSupervisor {
  /** Resolves when the worker polls for the first time. */
  readonly whenPolling: Promise<void>
  #polls: () => void = () => {}
  readonly #log: SupervisorOptions['log']
  readonly #program: string
  readonly #graceMs: number
  #process: ChildProcess
  #settings: WorkerSettings | null = null
  #isPolling = false
  #backoffMs = shortestBackoffMs
  readonly #stopping = new AbortController()

  constructor({ log, program = siblingProgram, graceMs = 10_000 }: SupervisorOptions) {
    this.#log = log
    this.#program = program
    this.#graceMs = graceMs
    this.whenPolling = new Promise((resolve) => {
      this.#polls = resolve
    })
    this.#process = this.#launch()
  }

  /** Of the current or last process. */
  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Whether the worker polls now. */
  isPolling = (): boolean => this.#isPolling

  /** Starts the worker, in this process and in each that replaces it. */
  start(settings: WorkerSettings): void {
    this.#settings = settings
    this.#send({ type: 'start', settings })
  }

  /** The worker's metrics; none if it does not answer within a second. */
  async metricValues(): Promise<MetricValues> {
    const answered = new AbortController()
    const process = this.#process
    const answer = new Promise<MetricValues>((resolve) => {
      const onMessage = (message: MessageFromWorker) => message.type === 'metrics' && resolve(message.values)
      process.on('message', onMessage)
      answered.signal.addEventListener('abort', () => process.off('message', onMessage))
    })
    this.#send({ type: 'metrics' })
    const late = sleep(answerWithinMs, noMetrics, { signal: answered.signal }).catch(() => noMetrics)
    return Promise.race([answer, late]).finally(() => answered.abort())
  }

  /** Shuts the worker down gracefully, and kills it if it takes too long. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const process = this.#process
    if (hasEnded(process)) return
    const ended = once(process, 'exit')
    this.#send({ type: 'stop' })
    const timeout = new AbortController()
    const late = sleep(this.#graceMs, 'late', { signal: timeout.signal }).catch(() => null)
    if ((await Promise.race([ended, late])) === 'late') {
      this.#log.warn(`the worker's process did not stop within ${this.#graceMs / 1_000} s and is killed`)
      process.kill('SIGKILL')
    }
    timeout.abort()
    await ended
  }

  #launch(): ChildProcess {
    const launched = fork(this.#program, [], {
      execArgv: execArgvFor(this.#program),
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const startedAt = performance.now()
    launched.on('message', (message: MessageFromWorker) => {
      if (message.type !== 'polling' || hasEnded(launched)) return
      this.#isPolling = message.isPolling
      if (!message.isPolling) return
      this.#polls()
      if (launched.pid !== undefined) void lowerPriority(launched.pid, false)
    })
    launched.once('exit', (code, signal) => void this.#replace(code ?? signal, performance.now() - startedAt))
    // A process that could not be started emits no `exit`.
    launched.on('error', (error) => {
      if (launched.pid === undefined) void this.#replace(error.message, 0)
    })
    return launched
  }

  async #replace(reason: number | string | null, ranForMs: number): Promise<void> {
    this.#isPolling = false
    const { signal } = this.#stopping
    if (signal.aborted) return
    if (ranForMs > healthyAfterMs) this.#backoffMs = shortestBackoffMs
    this.#log.warn({ reason, inMs: this.#backoffMs }, "the worker's process ended and is restarted")
    await sleep(this.#backoffMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    this.#backoffMs = Math.min(longestBackoffMs, 2 * this.#backoffMs)
    this.#process = this.#launch()
    if (this.#settings) this.start(this.#settings)
  }

  /** Ignores errors: a process that has ended emits `exit`. */
  #send(message: MessageToWorker): void {
    this.#process.send(message, () => {})
  }
}

const hasEnded = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid === undefined || exitCode !== null || signalCode !== null

const siblingProgram = fileURLToPath(import.meta.url).replace(/worker-supervisor(\.\w+)$/, 'worker-process$1')

/** TypeScript sources run through tsx. */
const execArgvFor = (program: string): string[] => [
  ...process.execArgv,
  ...(program.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : []),
]
