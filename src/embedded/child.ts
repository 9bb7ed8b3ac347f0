import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, open, rename, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { acquirePidFile, graceMs, type PidFile } from './pid-file.ts'
import { lowerPriority } from './priority.ts'

export interface ChildOptions {
  /** The server's name in messages. */
  readonly name: string
  readonly command: string
  /** Called at each start: ports that were free at the last one may be taken by now. */
  readonly args: () => readonly string[] | Promise<readonly string[]>
  readonly env: NodeJS.ProcessEnv
  /** The user to run as. Default the user of this process. */
  readonly user?: { readonly uid: number; readonly gid: number }
  readonly cwd: string
  /** Whether to run at a lower priority than this process. Default false. */
  readonly lowPriority?: boolean
  /** Receives stdout and stderr. */
  readonly logPath: string
  /** Names the server's process, which keeps it locked while it runs. */
  readonly pidPath: string
  /** Whether the server accepts requests. Throws when it never will. */
  readonly isReady: () => Promise<boolean>
  /** Output of a failed start after which another may succeed, and how many starts to make in all. */
  readonly retryable?: { readonly pattern: RegExp; readonly attempts: number }
  /** From a clean shutdown to SIGKILL. Each gets ten seconds. */
  readonly stopSignals: readonly NodeJS.Signals[]
  /** Receives a line when the server ends unexpectedly, and when it is ready again. */
  readonly report: (line: string) => void
}

/** A server could not be started. The message ends with its last output. */
export class ChildStartError extends Error {
  override name = 'ChildStartError'
  /** What was written to its log during this start. */
  readonly output: string

  constructor(message: string, output: string, options?: ErrorOptions) {
    const [beforeStack = ''] = output.split(goStack)
    super([message, ...beforeStack.trim().split('\n').slice(-shownLines)].join('\n').trim(), options)
    this.output = output
  }
}

const readyWithinMs = 60_000
const shortestBackoffMs = 100
const longestBackoffMs = 10_000
/** The backoff starts again from its shortest after a server was ready for this long. */
const healthyAfterMs = 30_000
const longestLogBytes = 10_000_000
const outputBytes = 100_000
const shownLines = 8
/** What a Go program prints after the reason of a panic. */
const goStack = /^goroutine \d+ \[/m

/**
 * A server that runs until `stop()`, and is started again if it ends before. It has a process group of its own, so that Ctrl-C in a
 * terminal reaches this process only, which then stops the server last. If this process is killed the server keeps running, and holds
 * the lock of its pid file, by which the next start finds and stops it. On Windows the server ends with this process.
 */
export class Child {
  readonly #options: ChildOptions
  #process: ChildProcess | null = null
  /** Aborted while the server is not to run. */
  #run = new AbortController()
  #restarting: Promise<void> | null = null
  #backoffMs = shortestBackoffMs

  constructor(options: ChildOptions) {
    this.#options = options
    this.#run.abort()
  }

  /** The pid of the current process, or of the last one. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Resolves when the server is ready. Does nothing if it runs already. @throws ChildStartError */
  async start(): Promise<void> {
    if (!this.#run.signal.aborted) return
    const run = new AbortController()
    this.#run = run
    const { retryable } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#launch()
      } catch (error) {
        const mayRetry = retryable && error instanceof ChildStartError && retryable.pattern.test(error.output)
        if (!mayRetry || attempt >= retryable.attempts || run.signal.aborted) {
          run.abort()
          throw error
        }
        await sleep(100)
      }
    }
  }

  /** Resolves when the server has ended. It is not started again before `start()`. */
  async stop(): Promise<void> {
    this.#run.abort()
    if (this.#process) await end(this.#process, this.#options.stopSignals)
    await this.#restarting
  }

  /** Sends a signal and waits for the server to end. It is not started again before `start()`. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#run.abort()
    const child = this.#process
    if (child && !hasExited(child)) {
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    }
    await this.#restarting
  }

  async #launch(): Promise<void> {
    const { name, stopSignals, logPath, pidPath, lowPriority = false } = this.#options
    const args = await this.#options.args()
    const log = await openLog(logPath)
    const before = (await log.stat()).size
    let child: ChildProcess | undefined
    try {
      child = this.#spawn(args, log, await acquirePidFile(pidPath, stopSignals))
      this.#process = child
      await once(child, 'spawn')
      await this.#waitUntilReady(child)
    } catch (cause) {
      if (child?.pid !== undefined) await end(child, stopSignals)
      const reason = cause instanceof Error ? cause.message : String(cause)
      const output = await readOutput(log, before)
      throw new ChildStartError(`${name} could not be started: ${reason}. Its log: ${logPath}`, output, { cause })
    } finally {
      await log.close()
    }
    if (lowPriority && child.pid !== undefined) await lowerPriority(child.pid, true)
    this.#watch(child)
  }

  #spawn(args: readonly string[], log: FileHandle, pidFile: PidFile): ChildProcess {
    const { command, env, user, cwd } = this.#options
    try {
      const stdio: StdioOptions = ['ignore', log.fd, log.fd, pidFile.fd]
      // On Windows processes that are not detached end with this one, and those without a window get no Ctrl-C.
      const group = { detached: process.platform !== 'win32', windowsHide: true }
      const child = spawn(command, args, { ...group, stdio, env, cwd, ...user })
      if (child.pid !== undefined) pidFile.write(child.pid)
      return child
    } finally {
      pidFile.close()
    }
  }

  async #waitUntilReady(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + readyWithinMs
    while (!(await this.#options.isReady())) {
      if (hasExited(child)) throw new Error(`it exited (${child.exitCode ?? child.signalCode})`)
      if (this.#run.signal.aborted) throw new Error('it was stopped')
      if (Date.now() > deadline) throw new Error(`it is not ready after ${readyWithinMs / 1000} s`)
      await sleep(20)
    }
    // Another server may have answered on its port.
    if (hasExited(child)) throw new Error(`it exited (${child.exitCode ?? child.signalCode})`)
  }

  #watch(child: ChildProcess): void {
    const { signal } = this.#run
    const readyAt = Date.now()
    const onExit = () => {
      if (signal.aborted) return
      if (Date.now() - readyAt > healthyAfterMs) this.#backoffMs = shortestBackoffMs
      this.#restarting = this.#restart(child, signal)
    }
    if (hasExited(child)) onExit()
    else child.once('exit', onExit)
  }

  /** Never rejects. Callers that need the server meanwhile get errors of their own connections. */
  async #restart(ended: ChildProcess, signal: AbortSignal): Promise<void> {
    const { name, report } = this.#options
    report(`${name} ended (${ended.exitCode ?? ended.signalCode}) and is started again`)
    while (!signal.aborted) {
      await sleep(this.#backoffMs, undefined, { signal }).catch(() => {})
      this.#backoffMs = Math.min(longestBackoffMs, this.#backoffMs * 2)
      if (signal.aborted) return
      try {
        await this.#launch()
        report(`${name} is ready again`)
        return
      } catch (error) {
        if (!signal.aborted) report(error instanceof Error ? error.message : String(error))
      }
    }
  }
}

const hasExited = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

async function end(child: ChildProcess, signals: readonly NodeJS.Signals[]): Promise<void> {
  for (const signal of signals) {
    if (hasExited(child)) return
    const exited = once(child, 'exit')
    child.kill(signal)
    const timer = new AbortController()
    await Promise.race([exited, sleep(graceMs, undefined, { signal: timer.signal }).catch(() => {})])
    timer.abort()
  }
}

/** Opens the log to append to it. A long one is renamed first, over the one that was renamed before. */
async function openLog(path: string): Promise<FileHandle> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  )
  if (size > longestLogBytes) await rename(path, `${path}.old`)
  return open(path, 'a+', 0o600)
}

async function readOutput(log: FileHandle, before: number): Promise<string> {
  const { size } = await log.stat()
  const from = Math.max(before, size - outputBytes)
  const { buffer, bytesRead } = await log.read(Buffer.alloc(outputBytes), 0, outputBytes, from)
  return buffer.toString('utf8', 0, bytesRead).trim()
}
