import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Child, ChildStartError } from '../../src/local/child.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A child of a shell's words; it serves once there is a file `serves` in its folder. */
async function childOf(script: string): Promise<Child> {
  const folder = await temporaryFolder()
  return new Child({
    name: 'Server',
    command: '/bin/sh',
    args: ['-c', script],
    env: { PATH: process.env['PATH'] },
    cwd: folder,
    logPath: join(folder, 'log'),
    isReady: async () => existsSync(join(folder, 'serves')),
    passing: /still in use/,
    stopSignals: ['SIGKILL'],
    onTrouble: () => {},
  })
}

/** What a hundred connections of a killed PostgreSQL write into the log of the one that is started after it. */
const others =
  'for n in $(seq 100); do echo "$n FATAL:  terminating connection due to unexpected postmaster exit"; done'

describe('child', () => {
  it('whose start fails for what passes is started again, however much others write into its log meanwhile', async () => {
    const child = await childOf(
      `if [ -e tried ]; then touch serves; exec sleep 60; fi; touch tried; echo 'the memory is still in use'; ${others}; exit 1`,
    )
    await child.start()
    await child.stop()
  })

  it('that cannot be started says its last eight lines, and where the others are', async () => {
    const child = await childOf(`echo 'no such setting'; ${others}; exit 3`)
    await assert.rejects(child.start(), (error) => {
      assert.ok(error instanceof ChildStartError)
      assert.match(error.message, /^Server could not be started: it exited \(3\)\. Its log: .*log\n93 FATAL/)
      assert.match(error.words, /^no such setting\n1 FATAL/)
      return true
    })
  })
})
