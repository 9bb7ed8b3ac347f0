import { type ChildProcess, execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { stopOrphans } from '../../src/local/orphans.ts'
import type { LocalStack } from '../../src/local/stack.ts'
import type { StackMessage } from './stack-main.ts'

export interface StackProcess extends Omit<LocalStack, 'stop'> {
  readonly process: ChildProcess
  readonly pid: number
  /** What it said so far. */
  readonly said: readonly string[]
  /** The processes that it started and that still run. */
  children(): Promise<number[]>
  stop(): Promise<void>
  kill9(): Promise<void>
}

const started: { process: ChildProcess; dataDir: string }[] = []

/** Starts the embedded servers from a process of its own. @throws Error with the name and message of what it failed with. */
export async function startStackProcess(dataDir: string): Promise<StackProcess> {
  const child = fork(fileURLToPath(new URL('./stack-main.ts', import.meta.url)), [dataDir], {
    execArgv: ['--import', 'tsx'],
    detached: true,
  })
  started.push({ process: child, dataDir })
  const said: string[] = []
  const serving = await new Promise<Omit<LocalStack, 'stop'>>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`it ended: ${said.join('\n')}`)))
    child.on('message', (message: StackMessage) => {
      if ('said' in message) said.push(message.said)
      else if ('serving' in message) resolve(message.serving)
      else reject(Object.assign(new Error(message.failed.message), { name: message.failed.name }))
    })
  })
  const end = async (signal: NodeJS.Signals) => {
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }
  const pid = Number(child.pid)
  return {
    ...serving,
    process: child,
    pid,
    said,
    children: () => childrenOf(pid),
    stop: () => end('SIGTERM'),
    kill9: () => end('SIGKILL'),
  }
}

async function childrenOf(parent: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,ppid=,comm='])
  return stdout.split('\n').flatMap((line) => {
    const [pid, ppid, name] = line.trim().split(/\s+/)
    return Number(ppid) === parent && /postgres|temporal/.test(name ?? '') ? [Number(pid)] : []
  })
}

/** Ends whatever failed tests left. */
export async function endStackProcesses(): Promise<void> {
  for (const { process, dataDir } of started.splice(0)) {
    if (process.exitCode === null && process.signalCode === null) process.kill('SIGKILL')
    const any = { isProgram: () => true, stopSignals: ['SIGKILL'] as const }
    await stopOrphans({ ...any, args: ['-D', join(dataDir, 'postgres')] })
    await stopOrphans({ ...any, args: ['--db-filename', join(dataDir, 'temporal', 'temporal.db')] })
  }
}
