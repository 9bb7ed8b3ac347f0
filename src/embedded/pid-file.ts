/**
 * Pid files that are locked. A process keeps its file locked while it runs, and the operating system releases the lock when the
 * process ends, however it ends. So the pid in a locked file is that of a running process; in any other file it means nothing.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigurationError } from '../errors.ts'

export interface PidFile {
  /** On Linux and macOS a process that inherits this descriptor holds the lock too. */
  readonly fd: number
  write(pid: number): void
  /** Releases the lock, unless another process has inherited the descriptor. */
  close(): void
}

const require = createRequire(import.meta.url)

/** Loaded only where servers are embedded: the library has prebuilt binaries for the usual platforms alone. */
const tryLock = (fd: number): boolean =>
  (require('fs-native-extensions') as { tryLock: (fd: number) => boolean }).tryLock(fd)

/** How long a process may take to end after each signal. */
export const graceMs = 10_000

/**
 * Locks a pid file, created if there is none. The file is never removed, because another process may be about to lock it.
 * @returns null while another process holds the lock.
 */
export function lockPidFile(path: string): PidFile | null {
  const fd = openSync(path, 'a+', 0o600)
  const close = () => closeSync(fd)
  try {
    if (!tryLock(fd)) {
      close()
      return null
    }
    ftruncateSync(fd)
    return { fd, write: (pid) => void writeSync(fd, String(pid)), close }
  } catch (error) {
    close()
    throw error
  }
}

/** @returns null if the file names no process, or cannot be read: on Windows others cannot read a locked file. */
export function readPid(path: string): number | null {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10) || null
  } catch {
    return null
  }
}

/**
 * Locks the pid file of a server, and first stops the server that holds the lock. Such a server was left running by a system that was
 * killed, or has lost its main process and is about to end.
 * @param stopSignals from a clean shutdown to SIGKILL.
 * @param onLeftover called if there is such a server.
 * @throws ConfigurationError when that server does not end.
 */
export async function acquirePidFile(
  path: string,
  stopSignals: readonly NodeJS.Signals[],
  onLeftover: () => void = () => {},
): Promise<PidFile> {
  const free = lockPidFile(path)
  if (free) return free
  onLeftover()
  for (const signal of stopSignals) {
    signalOwner(path, signal)
    for (const deadline = Date.now() + graceMs; Date.now() < deadline; await sleep(20)) {
      const file = lockPidFile(path)
      if (file) return file
    }
  }
  throw new ConfigurationError(
    `Process ${readPid(path) ?? '(unknown)'} holds ${path} and does not end. Kill it, then start again.`,
  )
}

function signalOwner(path: string, signal: NodeJS.Signals): void {
  const pid = readPid(path)
  try {
    if (pid) process.kill(pid, signal)
  } catch (error) {
    // Its main process has ended already; the rest of its processes follow.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
