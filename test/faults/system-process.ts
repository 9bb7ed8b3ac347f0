import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Client } from '@temporalio/client'
import { freePort } from '../../src/embedded/free-port.ts'
import { taskQueue } from '../../src/temporal/worker.ts'
import { builtProgram } from '../stack.ts'
import { until } from '../until.ts'
import { type Servers, settingsOf } from './settings.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const startWithinMs = 240_000
/** Differs between test runs: the API of another run must not take over a port that is free for a moment. */
const firstPort = 20_000 + (process.pid % 500) * 10

export interface SystemProcessOptions extends Servers {
  readonly role: 'all' | 'api' | 'worker'
  /** For a worker: connected to Temporal without faults. */
  readonly client?: Client
  /** Further settings, by their variables. */
  readonly env?: Readonly<Record<string, string>>
}

/** Aftersend in a process of its own, as operators run it: the build of `src/main.ts` with one role. Can be killed and started again. */
export class SystemProcess {
  readonly url: string
  /** The output of its current process. */
  output = ''
  readonly #options: SystemProcessOptions
  readonly #port: number
  readonly #program: string
  #child: ChildProcess | null = null

  private constructor(options: SystemProcessOptions, port: number, program: string) {
    this.#options = options
    this.#port = port
    this.#program = program
    this.url = `http://127.0.0.1:${port}`
  }

  /** Resolves when it serves, or polls. */
  static async start(options: SystemProcessOptions): Promise<SystemProcess> {
    const port = options.role === 'worker' ? 0 : await freePort(firstPort)
    const started = new SystemProcess(options, port, await builtProgram('main.ts'))
    await started.start()
    return started
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [this.#program], { cwd: root, env: this.#environment() })
    this.#child = child
    this.output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.output += text
      })
    }
    const isReady = this.#options.role === 'worker' ? this.#polls : this.#serves
    await until(() => this.#hasExited() || isReady(), startWithinMs)
    if (this.#hasExited()) throw new Error(`it exited (${child.exitCode ?? child.signalCode}): ${this.output}`)
  }

  /** Resolves with the exit code, or with the signal that ended the process. */
  async end(signal: NodeJS.Signals): Promise<number | string | null> {
    const child = this.#child
    if (!child || this.#hasExited()) return null
    const gone = once(child, 'exit')
    child.kill(signal)
    const [code, by] = await gone
    return code ?? by
  }

  #hasExited = (): boolean => this.#child === null || this.#child.exitCode !== null || this.#child.signalCode !== null

  #environment(): NodeJS.ProcessEnv {
    const { role, env } = this.#options
    return {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      ...settingsOf(role, this.#options),
      PORT: String(this.#port || ''),
      LOG_LEVEL: 'warn',
      ...env,
    }
  }

  /** By its output: another process might answer on its port. */
  #serves = async (): Promise<boolean> => this.output.includes('Aftersend runs')

  /** Workers identify themselves by process and machine. */
  #polls = async (): Promise<boolean> => {
    const described = this.#options.client?.workflowService.describeTaskQueue({
      namespace: 'default',
      taskQueue: { name: taskQueue },
      taskQueueType: 1,
    })
    const answer = await described?.catch(() => null)
    return answer?.pollers?.some(({ identity }) => identity === `${this.pid}@${hostname()}`) ?? false
  }
}
