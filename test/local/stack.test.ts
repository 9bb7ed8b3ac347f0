import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { readConfig } from '../../src/config.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { freePort } from '../../src/local/free-port.ts'
import { startPostgres } from '../../src/local/postgres.ts'
import { identify } from '../../src/local/process-identity.ts'
import { startLocalStack } from '../../src/local/stack.ts'
import { startTemporal } from '../../src/local/temporal.ts'
import { findTemporalCli } from '../../src/local/temporal-cli.ts'
import { createTemporalClient } from '../../src/temporal/connection.ts'
import { searchAttributeNames } from '../../src/temporal/search-attributes.ts'
import { until } from '../until.ts'
import { endStackProcesses, type StackProcess, startStackProcess } from './stack-process.ts'
import { temporaryFolder } from './temporary-folder.ts'

const silent = (): void => {}

async function query(url: string | null, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: String(url) })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const clientOf = (address: string | null) =>
  createTemporalClient({ address: String(address), namespace: 'default', security: {} })

async function leaveTraces(stack: Pick<StackProcess, 'databaseUrl' | 'temporalAddress'>): Promise<void> {
  await query(stack.databaseUrl, `CREATE TABLE kept AS SELECT 'row' AS what`)
  const client = clientOf(stack.temporalAddress)
  await client.workflow.start('waiting', { workflowId: 'kept', taskQueue: 'nobody' })
  await client.connection.close()
}

async function assertTraces(stack: Pick<StackProcess, 'databaseUrl' | 'temporalAddress'>): Promise<void> {
  assert.deepEqual(await query(stack.databaseUrl, 'SELECT * FROM kept'), [{ what: 'row' }])
  const client = clientOf(stack.temporalAddress)
  assert.equal((await client.workflow.getHandle('kept').describe()).status.name, 'RUNNING')
  await client.connection.close()
}

/** Whether any of them runs; one that nobody has reaped yet does not. */
const isAnyAlive = async (pids: readonly number[]): Promise<boolean> =>
  (await Promise.all(pids.map(identify))).some((identity) => identity !== null)

const ports = ({ databaseUrl, temporalAddress, webUiUrl }: StackProcess) => [
  new URL(String(databaseUrl)).port,
  temporalAddress,
  webUiUrl,
]

describe('the embedded stack', () => {
  afterEach(endStackProcesses)

  it('carries on with the same data on the same ports, and keeps secrets from others', async () => {
    const dataDir = join(await temporaryFolder(), 'data')
    const first = await startStackProcess(dataDir)
    await leaveTraces(first)
    await first.stop()
    const second = await startStackProcess(dataDir)
    await assertTraces(second)
    assert.deepEqual(ports(second), ports(first))
    assert.equal((await fetch(String(second.webUiUrl))).status, 200)
    const mode = async (name: string) => (await stat(join(dataDir, name))).mode & 0o777
    assert.equal(await mode('.'), process.getuid?.() === 0 ? 0o711 : 0o700)
    assert.equal(await mode('postgres.json'), 0o600)
    assert.deepEqual(await Promise.all(['postgres', 'temporal', 'logs'].map(mode)), [0o700, 0o700, 0o700])
    await second.stop()
  })

  it('runs side by side with another that starts at the same moment', async () => {
    const [one, other] = await Promise.all([await temporaryFolder(), await temporaryFolder()].map(startStackProcess))
    assert(one && other)
    await leaveTraces(one)
    await leaveTraces(other)
    assert.equal(new Set([...ports(one), ...ports(other)]).size, 6)
    await one.stop()
    await assertTraces(other)
    await other.stop()
  })

  it('replaces the servers that outlived a killed system, and loses nothing', async () => {
    const dataDir = await temporaryFolder()
    const killed = await startStackProcess(dataDir)
    await leaveTraces(killed)
    const orphans = await killed.children()
    assert.equal(orphans.length, 2)
    await killed.kill9()
    for (const orphan of orphans) assert(await isAnyAlive([orphan]), 'it should have outlived the system')
    const next = await startStackProcess(dataDir)
    assert(!(await isAnyAlive(orphans)), 'they should be gone')
    assert.equal(next.said.filter((line) => line.includes('left running')).length, 2)
    await assertTraces(next)
    assert.deepEqual(ports(next), ports(killed))
    await next.stop()
  })

  it('recovers after everything was killed at once, and loses nothing', async () => {
    const dataDir = await temporaryFolder()
    const killed = await startStackProcess(dataDir)
    await leaveTraces(killed)
    for (const pid of await killed.children()) process.kill(pid, 'SIGKILL')
    await killed.kill9()
    const next = await startStackProcess(dataDir)
    await assertTraces(next)
    await next.stop()
  })

  it('leaves nothing behind when one of the two cannot start', async () => {
    const dataDir = await temporaryFolder()
    const start = (path: string | null, embedTemporal: boolean) =>
      startLocalStack({
        ...{ dataDir, embedPostgres: true, embedTemporal, namespace: 'default', searchAttributes: [], say: silent },
        temporalCli: { ...readConfig(process.env).temporal.cli, path },
      })
    await assert.rejects(start('/nowhere/temporal', true), ConfigurationError)
    const alone = await start(null, false)
    assert.equal(alone.temporalAddress, null)
    await alone.stop()
  })
})

describe('an embedded stack that runs', () => {
  let dataDir: string
  let stack: StackProcess

  before(async () => {
    dataDir = await temporaryFolder()
    stack = await startStackProcess(dataDir)
  })

  after(endStackProcesses)

  it('refuses a second start on the same DATA_DIR and says who runs', async () => {
    const refusal = { name: 'AlreadyRunningError', message: new RegExp(`pid ${stack.pid}\\b`) }
    await assert.rejects(startStackProcess(dataDir), refusal)
    await query(stack.databaseUrl, 'SELECT 1')
  })

  it('keeps its servers when Ctrl-C reaches its process group', async () => {
    const before = await stack.children()
    process.kill(-stack.pid, 'SIGINT')
    await until(() => stack.said.includes('interrupted'))
    await query(stack.databaseUrl, 'SELECT 1')
    assert.deepEqual(await stack.children(), before)
  })

  it('takes them with it when it is told to stop', async () => {
    const servers = await stack.children()
    assert.equal(servers.length, 2)
    await stack.stop()
    assert(!(await isAnyAlive(servers)))
  })
})

describe('the embedded PostgreSQL', () => {
  it('is durable, checks its pages, speaks UTF-8, and listens on loopback alone', async () => {
    const postgres = await startPostgres({ dataDir: await temporaryFolder(), say: silent, onTrouble: silent })
    const show = async (name: string) => (await query(postgres.url, `SHOW ${name}`))[0]?.[name]
    assert.equal(await show('fsync'), 'on')
    assert.equal(await show('synchronous_commit'), 'on')
    assert.equal(await show('data_checksums'), 'on')
    assert.equal(await show('server_encoding'), 'UTF8')
    assert.equal(await show('listen_addresses'), '127.0.0.1')
    assert.equal(await show('unix_socket_directories'), '')
    await assert.rejects(query(postgres.url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1'), { code: '28P01' })
    await postgres.stop()
  })

  it('is started again on its port when it dies, and says so', async () => {
    const heard: string[] = []
    const onTrouble = (line: string) => heard.push(line)
    const postgres = await startPostgres({ dataDir: await temporaryFolder(), say: silent, onTrouble })
    process.kill(Number(postgres.pid), 'SIGKILL')
    await until(() => heard.some((line) => line.includes('serves again')))
    await query(postgres.url, 'SELECT 1')
    await postgres.kill('SIGKILL')
    await assert.rejects(query(postgres.url, 'SELECT 1'))
    await postgres.start()
    await query(postgres.url, 'SELECT 1')
    await postgres.stop()
  })

  it('takes the next port when its own is taken', async () => {
    const port = await freePort(54_600)
    const squatter = createServer().listen(port, '127.0.0.1')
    const dataDir = await temporaryFolder()
    const postgres = await startPostgres({ dataDir, say: silent, onTrouble: silent, port })
    assert(postgres.port > port)
    await postgres.stop()
    squatter.close()
  })

  it('starts though the pid of its killed server belongs to another program by now', async () => {
    const dataDir = await temporaryFolder()
    const options = { dataDir, say: silent, onTrouble: silent }
    const killed = await startPostgres(options)
    const pidFile = join(dataDir, 'postgres', 'postmaster.pid')
    const left = await readFile(pidFile, 'utf8')
    await killed.kill('SIGKILL')
    // PostgreSQL asks only after processes of its own user.
    const { uid, gid } = await stat(join(dataDir, 'postgres'))
    const stranger = spawn('sleep', ['60'], process.getuid?.() === 0 ? { uid, gid } : {})
    await writeFile(pidFile, left.replace(/^\d+/, String(stranger.pid)))
    const next = await startPostgres(options)
    await next.stop()
    assert.equal(stranger.exitCode, null)
    stranger.kill()
  })

  it('gets a new password when the file with the old one is lost', async () => {
    const dataDir = await temporaryFolder()
    const options = { dataDir, say: silent, onTrouble: silent }
    const before = await startPostgres(options)
    await query(before.url, `CREATE TABLE kept AS SELECT 'row' AS what`)
    await before.stop()
    await rm(join(dataDir, 'postgres.json'))
    const after = await startPostgres(options)
    assert.deepEqual(await query(after.url, 'SELECT * FROM kept'), [{ what: 'row' }])
    assert.notEqual(new URL(after.url).password, new URL(before.url).password)
    await after.stop()
  })
})

describe('the embedded Temporal', () => {
  it('registers the search attributes in a namespace of its own, at the first start and after', async () => {
    const dataDir = await temporaryFolder()
    const cliPath = await findTemporalCli({ cli: readConfig(process.env).temporal.cli, dataDir, say: silent })
    const searchAttributes = searchAttributeNames
    const options = { cliPath, dataDir, namespace: 'post', searchAttributes, onTrouble: silent }
    for (const _ of ['first', 'second']) {
      const temporal = await startTemporal(options)
      const client = createTemporalClient({ address: temporal.address, namespace: 'post', security: {} })
      const { customAttributes } = await client.connection.operatorService.listSearchAttributes({ namespace: 'post' })
      for (const name of searchAttributeNames) assert.equal(customAttributes[name], 2, name)
      await client.connection.close()
      await temporal.stop()
    }
  })
})
