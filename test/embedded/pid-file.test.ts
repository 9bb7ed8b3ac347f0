import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { acquirePidFile, lockPidFile, readPid } from '../../src/embedded/pid-file.ts'
import { isRunning } from '../processes.ts'
import { temporaryFolder } from '../stack.ts'

/** A shell that runs a script and holds the lock of a pid file, as a server does that a killed system left running. */
async function startServer(script: string) {
  const path = join(await temporaryFolder(), 'server.pid')
  const pidFile = lockPidFile(path) ?? assert.fail('it is locked')
  const server = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore', pidFile.fd] })
  const pid = Number(server.pid)
  pidFile.write(pid)
  pidFile.close()
  const [line] = await once(server.stdout ?? assert.fail(), 'data')
  return { path, server, pid, line: String(line).trim() }
}

describe('a pid file', () => {
  it('is locked as long as a process that inherited it runs, and is acquired once that has stopped', async () => {
    const { path, pid } = await startServer('echo ready; exec sleep 60')
    assert.equal(lockPidFile(path), null)
    assert.equal(readPid(path), pid)
    let leftovers = 0
    const pidFile = await acquirePidFile(path, ['SIGTERM'], () => leftovers++)
    assert.equal(await isRunning(pid), false)
    assert.equal(readPid(path), null, 'the pid is removed')
    pidFile.close()
    const again = await acquirePidFile(path, ['SIGTERM'], () => leftovers++)
    again.close()
    assert.equal(leftovers, 1)
  })

  it('is locked until the last process of a server has ended, although its main process was killed', async () => {
    const { path, server, line: childPid } = await startServer('sleep 60 >/dev/null & echo $!; wait')
    server.kill('SIGKILL')
    await once(server, 'exit')
    assert.equal(lockPidFile(path), null)
    const acquiring = acquirePidFile(path, ['SIGTERM'])
    process.kill(Number(childPid), 'SIGKILL')
    const pidFile = await acquiring
    pidFile.close()
  })
})
