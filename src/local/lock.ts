/** One system at a time on a DATA_DIR. */
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { readDataFile, removeDataFile, writeDataFile } from './data-file.ts'
import { identify, isAlive } from './process-identity.ts'
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

const form = z.object({ pid: z.number().int(), startedAt: z.string(), isHeld: z.boolean() })

interface Claim extends z.infer<typeof form> {
  readonly name: string
}

const claimName = /^lock\.[0-9a-f]{16}$/
const settledWithinMs = 5_000

/**
 * Takes the lock of a DATA_DIR that exists. Everybody lays down a claim of their own first and looks for others then, so
 * that of two the later one always sees the earlier; a single file that is taken over from the dead could be taken over
 * twice. Claims of processes that are gone count for nothing, even if their pid belongs to somebody else by now.
 * @returns lets go of it.
 * @throws AlreadyRunningError
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  const self = await identify(process.pid)
  const name = `lock.${randomBytes(8).toString('hex')}`
  const path = join(dataDir, name)
  await writeDataFile(path, { ...self, isHeld: false })
  try {
    await whenAlone(dataDir, name)
    await writeDataFile(path, { ...self, isHeld: true })
  } catch (error) {
    await removeDataFile(path)
    throw error
  }
  return () => removeDataFile(path)
}

/** Of those who claim at the same moment the first by name waits for the others to give way. */
async function whenAlone(dataDir: string, ownName: string): Promise<void> {
  const deadline = Date.now() + settledWithinMs
  for (;;) {
    const others = (await livingClaims(dataDir)).filter(({ name }) => name !== ownName)
    const [first] = others
    if (!first) return
    const winner = others.find(({ name, isHeld }) => isHeld || name < ownName)
    if (winner || Date.now() > deadline) throw await alreadyRunning(dataDir, winner ?? first)
    await sleep(20)
  }
}

async function livingClaims(dataDir: string): Promise<Claim[]> {
  const names = (await readdir(dataDir)).filter((name) => claimName.test(name))
  const claims = await Promise.all(names.map((name) => livingClaim(dataDir, name)))
  return claims.filter((claim) => claim !== null)
}

/** Removes what the dead left. A damaged claim is that of a machine that lost its power. */
async function livingClaim(dataDir: string, name: string): Promise<Claim | null> {
  const path = join(dataDir, name)
  const claim = await readDataFile(path, form).catch(() => null)
  if (claim && (await isAlive(claim))) return { ...claim, name }
  await removeDataFile(path)
  return null
}

async function alreadyRunning(dataDir: string, { pid }: Claim): Promise<AlreadyRunningError> {
  const running = await readRunning(dataDir).catch(() => null)
  return new AlreadyRunningError(dataDir, pid, running?.pid === pid ? running.apiUrl : null)
}
