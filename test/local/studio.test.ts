import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { anyFreePort } from '../../src/local/free-port.ts'
import { startPostgres } from '../../src/local/postgres.ts'
import { writeRunning } from '../../src/local/running.ts'
import { until } from '../until.ts'
import { temporaryFolder } from './temporary-folder.ts'

const started: ChildProcess[] = []

/** With nothing but PATH and DATA_DIR set: what the machine's environment names is somebody's own. */
function startStudio(dataDir: string, args: readonly string[] = []) {
  const program = fileURLToPath(new URL('../../src/cli/studio.ts', import.meta.url))
  const env = { PATH: process.env['PATH'], DATA_DIR: dataDir }
  const studio = spawn(process.execPath, ['--import', 'tsx', program, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(studio)
  const words: string[] = []
  for (const stream of [studio.stdout, studio.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => words.push(chunk))
  }
  return { studio, ended: once(studio, 'close'), said: () => words.join('') }
}

describe('npm run studio', () => {
  // What a failed test left is told to stop, so that it stops its own child.
  afterEach(() => {
    for (const studio of started.splice(0)) studio.kill('SIGTERM')
  })

  it('shows the embedded database in the browser until it is stopped, and its password to nobody', async () => {
    const dataDir = await temporaryFolder()
    const silent = (): void => {}
    const postgres = await startPostgres({ dataDir, say: silent, onTrouble: silent, durable: false })
    const rest = { apiUrl: null, temporalAddress: '127.0.0.1:1', webUiUrl: null, pid: process.pid }
    await writeRunning(dataDir, { databaseUrl: postgres.url, ...rest })
    const port = await anyFreePort()
    const { studio, ended, said } = startStudio(dataDir, ['--port', String(port)])
    try {
      const url = `http://localhost:${port}`
      await until(() => said().includes(`Prisma Studio: ${url}`))
      assert.equal((await fetch(url)).status, 200)
      // The endpoint that its page reads tables through.
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
    const { ended, said } = startStudio(await temporaryFolder())
    assert.deepEqual(await ended, [2, null])
    assert.match(said(), /npm start/)
  })
})
