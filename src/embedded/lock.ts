/** One system at a time on a DATA_DIR. */
import { join } from 'node:path'
import { lockPidFile, readPid } from './pid-file.ts'
import { readRunning } from './running.ts'

/** Another process runs on this DATA_DIR. The message says which one, and where. */
export class AlreadyRunningError extends Error {
  override name = 'AlreadyRunningError'
  /** Null if it is not known. */
  readonly pid: number | null
  /** The address of its API; null while it starts. */
  readonly apiUrl: string | null

  constructor(dataDir: string, pid: number | null, apiUrl: string | null) {
    super(
      `Aftersend is already running on ${dataDir}: ${pid ? `pid ${pid}, ` : ''}${apiUrl ? `at ${apiUrl}` : 'still starting'}. ` +
        'Stop it, or set another DATA_DIR.',
    )
    this.pid = pid
    this.apiUrl = apiUrl
  }
}

/**
 * Takes the lock of a DATA_DIR that exists.
 * @returns a function that releases it. The operating system does so if the process is killed.
 * @throws AlreadyRunningError
 */
export async function lockDataDir(dataDir: string): Promise<() => void> {
  const path = join(dataDir, 'aftersend.pid')
  const file = lockPidFile(path)
  if (!file) {
    const pid = readPid(path)
    const running = await readRunning(dataDir).catch(() => null)
    throw new AlreadyRunningError(dataDir, pid, running?.pid === pid ? running.apiUrl : null)
  }
  file.write(process.pid)
  return file.close
}
