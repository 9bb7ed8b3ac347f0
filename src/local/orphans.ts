/** Servers that outlived the process that started them, told apart by their program and the data that they hold. */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'

export interface OrphanOptions {
  /** Whether a program's file name is the server's. */
  readonly isProgram: (fileName: string) => boolean
  /** Arguments that no other data folder's server has together, such as the absolute path of its data. */
  readonly args: readonly string[]
  /** From the polite one to the last resort; each gets ten seconds. */
  readonly stopSignals: readonly NodeJS.Signals[]
}

const graceMs = 10_000

/**
 * Stops the servers that a killed system left on this data. The caller holds the data folder's lock: no living system
 * supervises them.
 * @returns how many there were.
 */
export async function stopOrphans({ isProgram, args, stopSignals }: OrphanOptions): Promise<number> {
  const processes = process.platform === 'linux' ? await listOnLinux() : await listByPs()
  const orphans = processes.filter(
    ({ fileName, hasArgument }) => isProgram(fileName) && args.every((argument) => hasArgument(argument)),
  )
  const identified = await Promise.all(orphans.map(({ identity }) => identity()))
  await Promise.all(identified.map((orphan) => orphan && end(orphan, stopSignals)))
  return orphans.length
}

interface RunningProcess {
  readonly fileName: string
  readonly hasArgument: (argument: string) => boolean
  readonly identity: () => Promise<ProcessIdentity | null>
}

async function listOnLinux(): Promise<RunningProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(pids.map(readOnLinux))
  return found.filter((running) => running !== null)
}

/** Null for the kernel's own, and for one that is gone or hidden from us. */
async function readOnLinux(pid: string): Promise<RunningProcess | null> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const [command, ...args] = text.split('\0')
  if (!command) return null
  return {
    fileName: basename(command),
    hasArgument: (argument) => args.includes(argument),
    identity: () => identify(Number(pid)),
  }
}

/** Elsewhere the arguments come as one line; the program's path is a column of its own. */
async function listByPs(): Promise<RunningProcess[]> {
  const [programs, commands] = await Promise.all([psColumn('comm'), psColumn('args')])
  return [...programs].map(([pid, program]) => ({
    fileName: basename(program),
    hasArgument: (argument) => `${commands.get(pid) ?? ''} `.includes(` ${argument} `),
    identity: () => identify(pid),
  }))
}

async function psColumn(name: string): Promise<Map<number, string>> {
  const { stdout } = await promisify(execFile)('ps', ['-axww', '-o', `pid=,${name}=`], { maxBuffer: 32 * 1024 * 1024 })
  const rows = stdout.split('\n').map((line) => /^\s*(\d+)\s+(.*)$/.exec(line))
  return new Map(rows.flatMap((row) => (row?.[1] && row[2] ? [[Number(row[1]), row[2].trim()]] : [])))
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
