import { type ChildProcess, spawn } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { readDataFile, removeDataFile, writeDataFile } from './data-file.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'

export interface ChildOptions {
  /** As people call it. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** The user to run as; ours if left out. */
  readonly user?: { readonly uid: number; readonly gid: number }
  readonly cwd?: string
  /** Where its output goes. */
  readonly logPath: string
  /** Where its identity is kept, so that the next start finds it should we be killed. */
  readonly pidPath: string
  /** Whether it serves by now. */
  readonly isReady: () => Promise<boolean>
  /** From the polite one to the last resort; each gets `graceMs`. */
  readonly stopSignals: readonly NodeJS.Signals[]
  /** Told when it dies on its own. */
  readonly onTrouble: (line: string) => void
}

/** A child could not be started. The message ends with its last words. */
export class ChildStartError extends Error {
  override name = 'ChildStartError'
}

const readyWithinMs = 60_000
const graceMs = 10_000
const longestBackoffMs = 10_000
const identityForm = z.object({ pid: z.number().int(), startedAt: z.string() })

/**
 * A server that lives as long as we do. It has a process group of its own, so that Ctrl-C reaches only us and we stop
 * it last; should it die, it is started again; should we be killed, the next start finds and stops it.
 */
export class Child {
  readonly #options: ChildOptions
  #process: ChildProcess | null = null
  #isWanted = false

  constructor(options: ChildOptions) {
    this.#options = options
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Resolves when it serves. @throws ChildStartError */
  async start(): Promise<void> {
    this.#isWanted = true
    await this.stopOrphan()
    await this.#launch()
  }

  /** Resolves when it is gone, and stays away. */
  async stop(): Promise<void> {
    this.#isWanted = false
    const child = this.#process
    const identity = child?.pid === undefined ? null : await identify(child.pid)
    if (identity) await end(identity, this.#options.stopSignals)
    await removeDataFile(this.#options.pidPath)
  }

  /** Kills it, for tests; it stays away until `start()`. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#isWanted = false
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }

  /** Stops the one that a killed system left running; `start()` does so too. */
  async stopOrphan(): Promise<void> {
    const { pidPath, stopSignals } = this.#options
    const orphan = await readDataFile(pidPath, identityForm).catch(() => null)
    if (orphan && (await isAlive(orphan))) await end(orphan, stopSignals)
  }

  async #launch(): Promise<void> {
    const { command, args, env, user, cwd, logPath, pidPath } = this.#options
    const log = await open(logPath, 'a', 0o600)
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      ...(env && { env }),
      ...user,
      ...(cwd && { cwd }),
    })
    this.#process = child
    const failed = new Promise<never>((_, reject) => {
      child.once('error', reject)
      child.once('exit', () => reject(new Error('it exited')))
    })
    // Whoever waits for readiness hears of it; nobody else has to.
    failed.catch(() => {})
    await log.close()
    if (child.pid !== undefined) await writeDataFile(pidPath, (await identify(child.pid)) ?? {})
    await this.#whenReady(failed)
    child.once('exit', () => void this.#restart())
  }

  async #whenReady(failed: Promise<never>): Promise<void> {
    const { name, isReady, logPath } = this.#options
    const deadline = Date.now() + readyWithinMs
    try {
      while (!(await Promise.race([isReady(), failed]))) {
        if (Date.now() > deadline) throw new Error(`it does not serve after ${readyWithinMs / 1000} s`)
        await Promise.race([sleep(50), failed])
      }
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const words = await lastWords(logPath)
      throw new ChildStartError(`${name} could not be started: ${reason}.\n${words}`, { cause })
    }
  }

  async #restart(): Promise<void> {
    const { name, onTrouble } = this.#options
    for (let backoffMs = 100; this.#isWanted; backoffMs = Math.min(longestBackoffMs, backoffMs * 2)) {
      onTrouble(`${name} died; it is started again`)
      await sleep(backoffMs)
      if (!this.#isWanted) return
      try {
        await this.#launch()
        onTrouble(`${name} serves again`)
        return
      } catch (error) {
        onTrouble(error instanceof Error ? error.message : String(error))
      }
    }
  }
}

async function end(identity: ProcessIdentity, signals: readonly NodeJS.Signals[]): Promise<void> {
  for (const signal of signals) {
    if (!(await isAlive(identity))) return
    process.kill(identity.pid, signal)
    const deadline = Date.now() + graceMs
    while ((await isAlive(identity)) && Date.now() < deadline) await sleep(20)
  }
}

const lastWords = async (logPath: string): Promise<string> =>
  (await readFile(logPath, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-5).join('\n')
