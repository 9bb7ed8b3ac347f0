import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { stopStep } from '../src/stopping.ts'

const never = () => new Promise<never>(() => {})

describe('the shutdown', () => {
  const warned: object[] = []
  const log = { warn: (details: object) => void warned.push(details) }
  beforeEach(() => warned.splice(0))

  it('skips a step that takes too long or fails, and logs it', async () => {
    await stopStep(log, 'inbox', 10, never)
    await stopStep(log, 'database connections', 1_000, async () => {
      throw new Error('terminated')
    })
    assert.deepEqual(warned, [
      { step: 'inbox', boundMs: 10 },
      { step: 'database connections', reason: 'terminated' },
    ])
  })

  it('waits for a step that ends in time, and logs nothing', async () => {
    let isDone = false
    await stopStep(log, 'inbox', 60_000, async () => {
      await Promise.resolve()
      isDone = true
    })
    assert.deepEqual([isDone, warned], [true, []])
  })

  it('exits with a message when the process does not end by itself', () => {
    const stopping = fileURLToPath(new URL('../src/stopping.ts', import.meta.url))
    const program = `import { exitAfterTimeout } from ${JSON.stringify(stopping)}
      exitAfterTimeout(console.log, 50)
      setInterval(() => {}, 1_000)
      await new Promise(() => {})`
    const args = ['--import', 'tsx', '--input-type=module', '--eval', program]
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
    assert.deepEqual([status, /^Not stopped after 0\.05 s: exiting/.test(stdout)], [1, true])
  })
})
