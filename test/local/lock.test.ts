import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AlreadyRunningError, lockDataDir } from '../../src/local/lock.ts'
import { identify } from '../../src/local/process-identity.ts'
import { writeRunning } from '../../src/local/running.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** What somebody else left. */
const leave = (dataDir: string, claim: unknown): Promise<void> =>
  writeFile(join(dataDir, 'lock.0123456789abcdef'), typeof claim === 'string' ? claim : JSON.stringify(claim))

describe('the lock of a DATA_DIR', () => {
  it('is refused while its holder runs, with its pid and address, and free again afterwards', async () => {
    const dataDir = await temporaryFolder()
    const unlock = await lockDataDir(dataDir)
    const rest = { databaseUrl: 'postgresql://x', temporalAddress: '127.0.0.1:1', webUiUrl: null }
    await writeRunning(dataDir, { apiUrl: 'http://127.0.0.1:3000', pid: process.pid, ...rest })
    await assert.rejects(lockDataDir(dataDir), (error) => {
      assert(error instanceof AlreadyRunningError)
      assert.equal(error.pid, process.pid)
      assert.match(error.message, /http:\/\/127\.0\.0\.1:3000/)
      return true
    })
    await unlock()
    await (await lockDataDir(dataDir))()
  })

  it('is taken over from a killed holder whose pid somebody else has by now', async () => {
    const dataDir = await temporaryFolder()
    const parent = await identify(process.ppid)
    await leave(dataDir, { ...parent, startedAt: 'before that', isHeld: true })
    await (await lockDataDir(dataDir))()
  })

  it('is not taken from a stranger who really holds it', async () => {
    const dataDir = await temporaryFolder()
    await leave(dataDir, { ...(await identify(process.ppid)), isHeld: true })
    await assert.rejects(lockDataDir(dataDir), AlreadyRunningError)
  })

  it('is taken over when its file is damaged', async () => {
    const dataDir = await temporaryFolder()
    await leave(dataDir, '{"pid":')
    await (await lockDataDir(dataDir))()
  })

  it('goes to exactly one of many who find a stale one at the same moment', async () => {
    const dataDir = await temporaryFolder()
    await leave(dataDir, { pid: process.ppid, startedAt: 'before that', isHeld: true })
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDir(dataDir)))
    assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal((await readdir(dataDir)).filter((name) => name.startsWith('lock.')).length, 1)
  })
})
