import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AlreadyRunningError, lockDataDir } from '../../src/embedded/lock.ts'
import { lockPidFile } from '../../src/embedded/pid-file.ts'
import { writeRunning } from '../../src/embedded/running.ts'
import { temporaryFolder } from '../stack.ts'

const pidFileIn = (dataDir: string): string => join(dataDir, 'aftersend.pid')

/** A process that holds the lock: it has inherited the descriptor of the pid file. */
function startHolder(dataDir: string): ChildProcess {
  const pidFile = lockPidFile(pidFileIn(dataDir)) ?? assert.fail('it is locked')
  const holder = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', pidFile.fd] })
  pidFile.write(Number(holder.pid))
  pidFile.close()
  return holder
}

describe('the lock of a DATA_DIR', () => {
  it('is refused while its holder runs, with its pid and address, and free afterwards', async () => {
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

  it('is taken over from a killed holder whose pid belongs to another process now', async () => {
    const dataDir = await temporaryFolder()
    await writeFile(pidFileIn(dataDir), String(process.ppid))
    await (await lockDataDir(dataDir))()
  })

  it('is not taken from another process that holds it, and is free as soon as that is killed', async () => {
    const dataDir = await temporaryFolder()
    const holder = startHolder(dataDir)
    await assert.rejects(lockDataDir(dataDir), (error) => {
      assert(error instanceof AlreadyRunningError)
      assert.equal(error.pid, holder.pid)
      return true
    })
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    await (await lockDataDir(dataDir))()
  })

  it('is taken over when its file is damaged', async () => {
    const dataDir = await temporaryFolder()
    await writeFile(pidFileIn(dataDir), '{"pid":')
    await (await lockDataDir(dataDir))()
  })

  it('goes to exactly one of many that find a stale one at the same moment', async () => {
    const dataDir = await temporaryFolder()
    await writeFile(pidFileIn(dataDir), String(process.ppid))
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDir(dataDir)))
    assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.deepEqual(await readdir(dataDir), ['aftersend.pid'])
  })
})
