import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, open, rename, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ChildOptions {
  /** As people call it. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** The user to run as; ours if left out. */
  readonly user?: { readonly uid: number; readonly gid: number }
  readonly cwd: string
  /** Where its output goes. */
  readonly logPath: string
  /** Whether it serves by now. Throws when it never will. */
  readonly isReady: () => Promise<boolean>
  /** Words of a start that failed, after which the same start may work a moment later. */
  readonly passing?: RegExp
  /** From the polite one to the last resort; each gets ten seconds. */
  readonly stopSignals: readonly NodeJS.Signals[]
  /** Told when it dies on its own, and when it serves again. */
  readonly onTrouble: (line: string) => void
}

/** A child could not be started. The message ends with its last words. */
export class ChildStartError extends Error {
  override name = 'ChildStartError'
  /** What was written into its log during this start; others may write there too: a killed server's last processes do. */
  readonly words: string

  constructor(message: string, words: string, options?: ErrorOptions) {
    super([message, ...words.split('\n').slice(-shownLines)].join('\n').trim(), options)
    this.words = words
  }
}

const readyWithinMs = 60_000
const passesWithinMs = 5_000
const graceMs = 10_000
const shortestBackoffMs = 100
const longestBackoffMs = 10_000
/** A child that served this long was healthy: its next death is a new story. */
const healthyAfterMs = 30_000
const longestLogBytes = 10_000_000
const wordsBytes = 100_000
const shownLines = 8

/**
 * A server that lives as long as we do. It has a process group of its own, so that Ctrl-C reaches only us and we stop it
 * last. Should it die, it is started again; should we be killed, the next start finds it by its command line
 * ({@link stopOrphans}).
 */
export class Child {
  readonly #options: ChildOptions
  #process: ChildProcess | null = null
  /** Aborted while it is not to run. */
  #life = AbortSignal.abort()
  #letGo = () => {}
  #restarting: Promise<void> | null = null
  #backoffMs = shortestBackoffMs

  constructor(options: ChildOptions) {
    this.#options = options
  }

  /** Of the process that runs now, or ran last. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Resolves when it serves; at once if it does already. @throws ChildStartError */
  async start(): Promise<void> {
    if (!this.#life.aborted) return
    const life = new AbortController()
    this.#life = life.signal
    this.#letGo = () => life.abort()
    const deadline = Date.now() + passesWithinMs
    for (;;) {
      try {
        return await this.#launch()
      } catch (error) {
        const mayPass = error instanceof ChildStartError && this.#options.passing?.test(error.words)
        if (!mayPass || Date.now() > deadline || this.#life.aborted) {
          this.#letGo()
          throw error
        }
        await sleep(100)
      }
    }
  }

  /** Resolves when it is gone, and stays away until `start()`. */
  async stop(): Promise<void> {
    this.#letGo()
    if (this.#process) await end(this.#process, this.#options.stopSignals)
    await this.#restarting
  }

  /** Kills it; it stays away until `start()`. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#letGo()
    const child = this.#process
    if (child && !hasExited(child)) {
      const gone = once(child, 'exit')
      child.kill(signal)
      await gone
    }
    await this.#restarting
  }

  async #launch(): Promise<void> {
    const { name, stopSignals, logPath } = this.#options
    const log = await openLog(logPath)
    const before = (await log.stat()).size
    const child = this.#spawn(log)
    this.#process = child
    try {
      await once(child, 'spawn')
      await this.#whenReady(child)
    } catch (cause) {
      if (child.pid !== undefined) await end(child, stopSignals)
      const reason = cause instanceof Error ? cause.message : String(cause)
      const words = await wordsSince(log, before)
      throw new ChildStartError(`${name} could not be started: ${reason}. Its log: ${logPath}`, words, { cause })
    } finally {
      await log.close()
    }
    this.#watch(child)
  }

  #spawn(log: FileHandle): ChildProcess {
    const { command, args, env, user, cwd } = this.#options
    return spawn(command, args, { detached: true, stdio: ['ignore', log.fd, log.fd], env, cwd, ...user })
  }

  async #whenReady(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + readyWithinMs
    while (!(await this.#options.isReady())) {
      if (hasExited(child)) throw new Error(`it exited (${child.exitCode ?? child.signalCode})`)
      if (this.#life.aborted) throw new Error('it was told to stop')
      if (Date.now() > deadline) throw new Error(`it does not serve after ${readyWithinMs / 1000} s`)
      await sleep(20)
    }
    // Somebody else's server may have answered in its place.
    if (hasExited(child)) throw new Error(`it exited (${child.exitCode ?? child.signalCode})`)
  }

  #watch(child: ChildProcess): void {
    const life = this.#life
    const servesFrom = Date.now()
    const onExit = () => {
      if (life.aborted) return
      if (Date.now() - servesFrom > healthyAfterMs) this.#backoffMs = shortestBackoffMs
      this.#restarting = this.#restart(child, life)
    }
    if (hasExited(child)) onExit()
    else child.once('exit', onExit)
  }

  /** Never rejects: whoever needs the child finds it away meanwhile, and is heard of through their own errors. */
  async #restart(died: ChildProcess, life: AbortSignal): Promise<void> {
    const { name, onTrouble } = this.#options
    onTrouble(`${name} died (${died.exitCode ?? died.signalCode}); it is started again`)
    while (!life.aborted) {
      await sleep(this.#backoffMs, undefined, { signal: life }).catch(() => {})
      this.#backoffMs = Math.min(longestBackoffMs, this.#backoffMs * 2)
      if (life.aborted) return
      try {
        await this.#launch()
        onTrouble(`${name} serves again`)
        return
      } catch (error) {
        if (!life.aborted) onTrouble(error instanceof Error ? error.message : String(error))
      }
    }
  }
}

const hasExited = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

async function end(child: ChildProcess, signals: readonly NodeJS.Signals[]): Promise<void> {
  for (const signal of signals) {
    if (hasExited(child)) return
    const gone = once(child, 'exit')
    child.kill(signal)
    const patience = new AbortController()
    await Promise.race([gone, sleep(graceMs, undefined, { signal: patience.signal }).catch(() => {})])
    patience.abort()
  }
}

/** Appends to the log, a long one being put aside first: what came before it is dropped. */
async function openLog(path: string): Promise<FileHandle> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  )
  if (size > longestLogBytes) await rename(path, `${path}.old`)
  return open(path, 'a+', 0o600)
}

async function wordsSince(log: FileHandle, before: number): Promise<string> {
  const { size } = await log.stat()
  const from = Math.max(before, size - wordsBytes)
  const { buffer, bytesRead } = await log.read(Buffer.alloc(wordsBytes), 0, wordsBytes, from)
  return buffer.toString('utf8', 0, bytesRead).trim()
}
