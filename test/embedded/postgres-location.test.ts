import assert from 'node:assert/strict'
import { chmod, cp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { anyFreePort } from '../../src/embedded/free-port.ts'
import { type EmbeddedPostgres, startPostgres } from '../../src/embedded/postgres.ts'
import { findPostgresHome } from '../../src/embedded/postgres-binaries.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { temporaryFolder } from '../stack.ts'

const isRoot = process.getuid?.() === 0
const silent = (): void => {}
const started: EmbeddedPostgres[] = []
const outside: string[] = []

async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const postgres = await startPostgres({ dataDir, report: silent, port: await anyFreePort() })
  started.push(postgres)
  return postgres
}

async function query({ url }: EmbeddedPostgres, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

async function leaveTrace(dataDir: string): Promise<void> {
  const postgres = await start(dataDir)
  await query(postgres, `CREATE TABLE kept AS SELECT 'row' AS what`)
  await postgres.stop()
}

const assertTrace = async (postgres: EmbeddedPostgres): Promise<void> =>
  assert.deepEqual(await query(postgres, 'SELECT * FROM kept'), [{ what: 'row' }])

/** A folder that only its owner may enter: root's PostgreSQL then has its cluster outside. */
async function closedFolder(): Promise<string> {
  const folder = await temporaryFolder()
  await chmod(folder, 0o700)
  outside.push((await findPostgresHome(folder, null, silent)).clusterPath)
  return folder
}

describe('the cluster of the embedded PostgreSQL', () => {
  afterEach(async () => {
    await Promise.all(started.splice(0).map((postgres) => postgres.stop()))
    await Promise.all(outside.splice(0).map((path) => rm(join(path, '..'), { recursive: true, force: true })))
  })

  it('moves with DATA_DIR', async () => {
    const folder = await temporaryFolder()
    await leaveTrace(join(folder, 'before'))
    await rename(join(folder, 'before'), join(folder, 'after'))
    await assertTrace(await start(join(folder, 'after')))
  })

  it('is never replaced by an empty one when it is missing', async () => {
    const dataDir = await temporaryFolder()
    await leaveTrace(dataDir)
    await rename(join(dataDir, 'postgres'), join(dataDir, 'elsewhere'))
    await assert.rejects(start(dataDir), ConfigurationError)
    await rename(join(dataDir, 'elsewhere'), join(dataDir, 'postgres'))
    await assertTrace(await start(dataDir))
  })

  it('is created by the second start if the first was killed before it was complete', async () => {
    const dataDir = await temporaryFolder()
    await writeFile(join(dataDir, 'postgres.json'), JSON.stringify({ password: 'kept', port: null, place: null }))
    const postgres = await start(dataDir)
    assert.equal(new URL(postgres.url).password, 'kept')
  })

  it('starts although its pid file names a process of another PostgreSQL now, as after a reboot', async () => {
    const other = await start(await temporaryFolder())
    const dataDir = await temporaryFolder()
    await leaveTrace(dataDir)
    const pidFile = join(dataDir, 'postgres', 'postmaster.pid')
    await writeFile(pidFile, `${other.pid}\n${join(dataDir, 'postgres')}\n`)
    await assertTrace(await start(dataDir))
    await query(other, 'SELECT 1')
  })

  describe('as root', () => {
    before(function () {
      if (!isRoot) this.skip()
    })

    it('stays in DATA_DIR when DATA_DIR is closed to its user later, and the error says what to do', async () => {
      const dataDir = await temporaryFolder()
      await leaveTrace(dataDir)
      await chmod(dataDir, 0o700)
      await assert.rejects(start(dataDir), (error) => {
        assert(error instanceof ConfigurationError)
        assert.match(error.message, /chmod/)
        return true
      })
      await chmod(dataDir, 0o711)
      await assertTrace(await start(dataDir))
    })

    it('stays outside when DATA_DIR is opened later', async () => {
      const dataDir = await closedFolder()
      await leaveTrace(dataDir)
      await chmod(dataDir, 0o711)
      await assertTrace(await start(dataDir))
    })

    it('is not shared with a copy of DATA_DIR, and the first system runs on', async () => {
      const [dataDir, copy] = [await closedFolder(), await closedFolder()]
      await leaveTrace(dataDir)
      const first = await start(dataDir)
      await cp(join(dataDir, 'postgres.json'), join(copy, 'postgres.json'))
      await assert.rejects(start(copy), ConfigurationError)
      await assertTrace(first)
    })

    it('is created again after DATA_DIR was removed, and the earlier one is kept', async () => {
      const dataDir = await closedFolder()
      await leaveTrace(dataDir)
      await rm(join(dataDir, 'postgres.json'))
      await assert.rejects(query(await start(dataDir), 'SELECT * FROM kept'), { code: '42P01' })
      const { place } = JSON.parse(await readFile(join(dataDir, 'postgres.json'), 'utf8'))
      assert.equal(place, 'shared')
    })
  })
})
