import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Client } from '@temporalio/client'
import { freePort } from '../../src/local/free-port.ts'
import { taskQueue } from '../../src/temporal/worker.ts'
import { until } from '../until.ts'
import { type Servers, settingsOf } from './settings.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const startWithinMs = 60_000
const firstPort = 3_950

export interface SystemProcessOptions extends Servers {
  readonly role: 'api' | 'worker'
  /** Of a worker: on a way to Temporal that works, whatever the process's own way does. */
  readonly client?: Client
  /** Further settings, by their variables. */
  readonly env?: Readonly<Record<string, string>>
}

/** Aftersend with one role, as operators run it: `src/main.ts` in a process of its own, to be killed and started again. */
export class SystemProcess {
  readonly url: string
  /** Everything that its present process said. */
  output = ''
  readonly #options: SystemProcessOptions
  readonly #port: number
  #child: ChildProcess | null = null

  private constructor(options: SystemProcessOptions, port: number) {
    this.#options = options
    this.#port = port
    this.url = `http://127.0.0.1:${port}`
  }

  /** Resolves when it serves, or polls. */
  static async start(options: SystemProcessOptions): Promise<SystemProcess> {
    const started = new SystemProcess(options, options.role === 'api' ? await freePort(firstPort) : 0)
    await started.start()
    return started
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], { cwd: root, env: this.#environment() })
    this.#child = child
    this.output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.output += text
      })
    }
    const isReady = this.#options.role === 'api' ? this.#serves : this.#polls
    await until(() => this.#hasExited() || isReady(), startWithinMs)
    if (this.#hasExited()) throw new Error(`it exited (${child.exitCode ?? child.signalCode}): ${this.output}`)
  }

  /** Resolves with the exit code when it is gone, or with the signal that ended it. */
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

  /** By its own word: on its port somebody else's process might answer. */
  #serves = async (): Promise<boolean> => this.output.includes('Aftersend runs')

  /** Workers name themselves by process and machine. */
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
