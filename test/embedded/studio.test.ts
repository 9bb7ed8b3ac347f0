import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { anyFreePort } from '../../src/embedded/free-port.ts'
import { startPostgres } from '../../src/embedded/postgres.ts'
import { writeRunning } from '../../src/embedded/running.ts'
import { temporaryFolder } from '../stack.ts'
import { until } from '../until.ts'
import { startStudio, stopStudios } from './studio-process.ts'

describe('aftersend studio', () => {
  afterEach(stopStudios)

  it('shows the embedded database until it is stopped, and does not show its password in the process list', async () => {
    const dataDir = await temporaryFolder()
    const silent = (): void => {}
    const postgres = await startPostgres({ dataDir, report: silent, durable: false })
    const rest = { apiUrl: null, temporalAddress: '127.0.0.1:1', webUiUrl: null, pid: process.pid }
    await writeRunning(dataDir, { databaseUrl: postgres.url, ...rest })
    const port = await anyFreePort()
    const { studio, ended, output } = await startStudio(dataDir, ['--port', String(port)])
    try {
      const url = `http://localhost:${port}`
      await until(() => output().includes(`Prisma Studio: ${url}`))
      assert.equal((await fetch(url)).status, 200)
      // The endpoint from which its page reads tables.
      const query = { sql: 'SELECT current_database() AS name', parameters: [] }
      const body = JSON.stringify({ procedure: 'query', query })
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${url}/bff`, { method: 'POST', headers, body })
      assert.deepEqual(await answer.json(), [null, [{ name: 'aftersend' }]])
      const { stdout } = await promisify(execFile)('ps', ['-axww', '-o', 'args='], { maxBuffer: 32 * 1024 * 1024 })
      assert(!stdout.includes(new URL(postgres.url).password))
      studio.kill('SIGINT')
      assert.deepEqual(await ended, [0, null])
      await assert.rejects(fetch(url))
    } finally {
      await postgres.stop()
    }
  })

  it('says what to do when nothing runs', async () => {
    const { ended, output } = await startStudio(await temporaryFolder())
    assert.deepEqual(await ended, [2, null])
    assert.match(output(), /npx aftersend up/)
  })
})
