import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Child, ChildStartError } from '../../src/embedded/child.ts'
import { temporaryFolder } from '../stack.ts'

/** A child that runs a shell script. It is ready once there is a file `ready` in its folder. */
async function childOf(script: string) {
  const folder = await temporaryFolder()
  const child = new Child({
    name: 'Server',
    command: '/bin/sh',
    args: () => ['-c', script],
    env: { PATH: process.env['PATH'] },
    cwd: folder,
    logPath: join(folder, 'log'),
    pidPath: join(folder, 'pid'),
    isReady: async () => existsSync(join(folder, 'ready')),
    retryable: { pattern: /still in use/, attempts: 3 },
    stopSignals: ['SIGKILL'],
    report: () => {},
  })
  return Object.assign(child, { folder })
}

/** The lines that the connections of a killed PostgreSQL write into the log of the one that is started after it. */
const unrelatedLines =
  'for n in $(seq 100); do echo "$n FATAL:  terminating connection due to unexpected postmaster exit"; done'

describe('a child process', () => {
  it('is started again after a retryable failure, however much other processes write into its log meanwhile', async () => {
    const child = await childOf(
      `if [ -e tried ]; then touch ready; exec sleep 60; fi; touch tried; echo 'the memory is still in use'; ${unrelatedLines}; exit 1`,
    )
    await child.start()
    await child.stop()
  })

  it('is not started more often than the attempts that are set', async () => {
    const child = await childOf("echo x >> starts; echo 'the memory is still in use'; exit 1")
    await assert.rejects(child.start(), ChildStartError)
    assert.equal(await readFile(join(child.folder, 'starts'), 'utf8'), 'x\nx\nx\n')
  })

  it('reports the reason of a Go panic without its stack', async () => {
    const child = await childOf("echo 'panic: no such setting'; echo; echo 'goroutine 1 [running]:'; seq 20; exit 2")
    await assert.rejects(child.start(), /log\npanic: no such setting$/)
  })

  it('reports its last eight lines, and the path of its log, when it does not start', async () => {
    const child = await childOf(`echo 'no such setting'; ${unrelatedLines}; exit 3`)
    await assert.rejects(child.start(), (error) => {
      assert.ok(error instanceof ChildStartError)
      assert.match(error.message, /^Server could not be started: it exited \(3\)\. Its log: .*log\n93 FATAL/)
      assert.match(error.output, /^no such setting\n1 FATAL/)
      return true
    })
  })
})
