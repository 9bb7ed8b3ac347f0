/** One system at a time on a DATA_DIR. */
import { randomBytes } from 'node:crypto'
import { link, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { readDataFile, writeDataFile } from './data-file.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'
import { readRunning } from './running.ts'

/** Another process runs on this DATA_DIR. The message says which and where. */
export class AlreadyRunningError extends Error {
  override name = 'AlreadyRunningError'
  readonly pid: number
  /** Where its API is; null while it is still starting. */
  readonly apiUrl: string | null

  constructor(dataDir: string, pid: number, apiUrl: string | null) {
    super(
      `Aftersend is already running on ${dataDir}: pid ${pid}, ${apiUrl ? `at ${apiUrl}` : 'still starting'}. ` +
        'Stop it, or set another DATA_DIR.',
    )
    this.pid = pid
    this.apiUrl = apiUrl
  }
}

const form = z.object({ pid: z.number().int(), startedAt: z.string() })

/**
 * Takes the lock of a DATA_DIR that exists; one that a killed process left is taken over, even if its pid belongs to
 * somebody else by now.
 * @returns lets go of it.
 * @throws AlreadyRunningError
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  const path = join(dataDir, 'lock')
  // Linked into place with its words in it: nobody ever reads a half-written lock and takes it for a stale one.
  const own = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  await writeDataFile(own, await identify(process.pid))
  try {
    while (!(await linked(own, path))) await removeIfStale(dataDir, path)
  } finally {
    await rm(own, { force: true })
  }
  return () => rm(path, { force: true })
}

const linked = (from: string, to: string): Promise<boolean> =>
  link(from, to).then(
    () => true,
    (error) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )

async function removeIfStale(dataDir: string, path: string): Promise<void> {
  const holder = await holderOf(path)
  if (holder && (await isAlive(holder))) {
    const running = await readRunning(dataDir).catch(() => null)
    throw new AlreadyRunningError(dataDir, holder.pid, running?.pid === holder.pid ? running.apiUrl : null)
  }
  const aside = `${path}.stale.${randomBytes(4).toString('hex')}`
  const isMoved = await rename(path, aside).then(
    () => true,
    () => false,
  )
  if (!isMoved) return
  // Another starter may have taken the lock over between our look and our move: then it is given back.
  const moved = await holderOf(aside)
  if (moved && (await isAlive(moved))) await linked(aside, path)
  await rm(aside, { force: true })
}

/** Null if there is none, or nobody could have written it whole. */
const holderOf = (path: string): Promise<ProcessIdentity | null> => readDataFile(path, form).catch(() => null)
