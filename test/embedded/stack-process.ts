import { type ChildProcess, execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { acquirePidFile } from '../../src/embedded/pid-file.ts'
import type { EmbeddedStack } from '../../src/embedded/stack.ts'
import type { StackMessage } from './stack-main.ts'

export interface StackProcess extends Omit<EmbeddedStack, 'stop'> {
  readonly process: ChildProcess
  readonly pid: number
  /** The lines that it has reported so far. */
  readonly reported: readonly string[]
  /** The pids of the servers that it started and that still run. */
  children(): Promise<number[]>
  stop(): Promise<void>
  kill9(): Promise<void>
}

const started: { process: ChildProcess; dataDir: string }[] = []

/** Starts the embedded servers from another process. @throws Error with the name and message of its error. */
export async function startStackProcess(dataDir: string): Promise<StackProcess> {
  const child = fork(fileURLToPath(new URL('./stack-main.ts', import.meta.url)), [dataDir], {
    execArgv: ['--import', 'tsx'],
    detached: true,
  })
  started.push({ process: child, dataDir })
  const reported: string[] = []
  const serving = await new Promise<Omit<EmbeddedStack, 'stop'>>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`it ended: ${reported.join('\n')}`)))
    child.on('message', (message: StackMessage) => {
      if ('reported' in message) reported.push(message.reported)
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
    reported,
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

/** Kills the processes that failed tests left. */
export async function endStackProcesses(): Promise<void> {
  for (const { process, dataDir } of started.splice(0)) {
    if (process.exitCode === null && process.signalCode === null) process.kill('SIGKILL')
    for (const server of ['postgres', 'temporal']) {
      const pidFile = await acquirePidFile(join(dataDir, `${server}.pid`), ['SIGKILL'])
      pidFile.close()
    }
  }
}
