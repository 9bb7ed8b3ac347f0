/** One system at a time on a DATA_DIR. */
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { readDataFile } from './data-file.ts'
import { identify, isAlive } from './process-identity.ts'
import { readRunning } from './running.ts'

/** Another process runs on this DATA_DIR. The message says which and where. */
export class AlreadyRunningError extends Error {
  override name = 'AlreadyRunningError'
}

const owner = z.object({ pid: z.number().int(), startedAt: z.string() })

/**
 * Takes the lock; one that a killed process left is taken over, even if its pid belongs to somebody else by now.
 * @returns lets go of it.
 * @throws AlreadyRunningError
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  await mkdir(dataDir, { recursive: true, mode: 0o711 })
  const path = join(dataDir, 'lock')
  const self = await identify(process.pid)
  for (;;) {
    const file = await open(path, 'wx', 0o600).catch((error) => {
      if (error.code === 'EEXIST') return null
      throw error
    })
    if (file) {
      await file.writeFile(JSON.stringify(self))
      await file.close()
      return () => rm(path, { force: true })
    }
    await removeIfStale(dataDir, path)
  }
}

async function removeIfStale(dataDir: string, path: string): Promise<void> {
  // A file that cannot be read is that of a process killed while it wrote.
  const holder = await readDataFile(path, owner).catch(() => null)
  if (holder && (await isAlive(holder))) {
    const url = (await readRunning(dataDir).catch(() => null))?.apiUrl
    throw new AlreadyRunningError(
      `Aftersend runs already on ${dataDir} (pid ${holder.pid}${url ? `, ${url}` : ''}). Stop it, or set another DATA_DIR.`,
    )
  }
  await rm(path, { force: true })
}
