/** Servers that outlived the process that started them, told apart by their program and the data that they hold. */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'

export interface OrphanOptions {
  /** The program's file name. */
  readonly program: string
  /** An argument of the command line that no other data folder's server has: the absolute path of its data. */
  readonly dataPath: string
  /** From the polite one to the last resort; each gets ten seconds. */
  readonly stopSignals: readonly NodeJS.Signals[]
}

const graceMs = 10_000

/**
 * Stops the servers that a killed system left on this data. The caller holds the data folder's lock: no living system
 * supervises them.
 * @returns how many there were.
 */
export async function stopOrphans({ program, dataPath, stopSignals }: OrphanOptions): Promise<number> {
  const orphans =
    process.platform === 'linux' ? await findOnLinux(program, dataPath) : await findByPs(program, dataPath)
  await Promise.all(orphans.map((orphan) => end(orphan, stopSignals)))
  return orphans.length
}

/** The whole command line of a process, as a list; null if it is gone or not ours to read. */
const commandLineOf = (pid: string): Promise<string[] | null> =>
  readFile(`/proc/${pid}/cmdline`, 'utf8').then(
    (text) => text.split('\0'),
    () => null,
  )

async function findOnLinux(program: string, dataPath: string): Promise<ProcessIdentity[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      // Identified first: should the pid change hands afterwards, the signal is not sent.
      const identity = await identify(Number(pid))
      const [command, ...args] = (await commandLineOf(pid)) ?? []
      return command && basename(command) === program && args.includes(dataPath) ? identity : null
    }),
  )
  return found.filter((identity) => identity !== null)
}

/** Elsewhere the arguments come as one line. */
async function findByPs(program: string, dataPath: string): Promise<ProcessIdentity[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axww', '-o', 'pid=,command='], { maxBuffer: 32 * 1024 * 1024 })
  const pids = stdout.split('\n').flatMap((line) => {
    const [, pid, command] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? []
    const isOurs = command && `${command} `.includes(` ${dataPath} `) && command.includes(`/${program} `)
    return isOurs ? [Number(pid)] : []
  })
  return (await Promise.all(pids.map(identify))).filter((identity) => identity !== null)
}

async function end(identity: ProcessIdentity, signals: readonly NodeJS.Signals[]): Promise<void> {
  for (const signal of signals) {
    if (!(await isAlive(identity))) return
    signalIfThere(identity.pid, signal)
    const deadline = Date.now() + graceMs
    while ((await isAlive(identity)) && Date.now() < deadline) await sleep(20)
  }
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
