import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { readConfig } from '../../src/config.ts'
import { freePort } from '../../src/embedded/free-port.ts'
import { startPostgres } from '../../src/embedded/postgres.ts'
import { startEmbeddedStack } from '../../src/embedded/stack.ts'
import { startTemporal } from '../../src/embedded/temporal.ts'
import { findTemporalCli } from '../../src/embedded/temporal-cli.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { createTemporalClient } from '../../src/temporal/connection.ts'
import { searchAttributeNames } from '../../src/temporal/search-attributes.ts'
import { isRunning } from '../processes.ts'
import { temporaryFolder } from '../stack.ts'
import { until } from '../until.ts'
import { endStackProcesses, type StackProcess, startStackProcess } from './stack-process.ts'

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

const isAnyRunning = async (pids: readonly number[]): Promise<boolean> =>
  (await Promise.all(pids.map(isRunning))).some((running) => running)

const ports = ({ databaseUrl, temporalAddress, webUiUrl }: StackProcess) => [
  new URL(String(databaseUrl)).port,
  temporalAddress,
  webUiUrl,
]

/** Restarts until no other test has taken a port between stop and start, which the start reports. */
async function restartUndisturbed(first: StackProcess, dataDir: string) {
  for (let before = first; ; ) {
    await before.stop()
    const second = await startStackProcess(dataDir)
    if (!second.reported.some((line) => line.includes('taken, using'))) return { before, second }
    before = second
  }
}

describe('the embedded stack', () => {
  afterEach(endStackProcesses)

  it('starts again with the same data on the same ports, and closes its files to other users', async () => {
    const dataDir = join(await temporaryFolder(), 'data')
    const first = await startStackProcess(dataDir)
    await leaveTraces(first)
    const { before, second } = await restartUndisturbed(first, dataDir)
    await assertTraces(second)
    assert.deepEqual(ports(second), ports(before))
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

  it('stops the servers that a killed system left running, and loses nothing', async () => {
    const dataDir = await temporaryFolder()
    const killed = await startStackProcess(dataDir)
    await leaveTraces(killed)
    const orphans = await killed.children()
    assert.equal(orphans.length, 2)
    await killed.kill9()
    for (const orphan of orphans) assert(await isAnyRunning([orphan]), 'it should still run')
    const next = await startStackProcess(dataDir)
    assert(!(await isAnyRunning(orphans)), 'they should have ended')
    assert.equal(next.reported.filter((line) => line.includes('left running')).length, 2)
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

  it('leaves nothing running when one of the two cannot start', async () => {
    const dataDir = await temporaryFolder()
    const start = (path: string | null, embedTemporal: boolean) =>
      startEmbeddedStack({
        ...{ dataDir, embedPostgres: true, embedTemporal, namespace: 'default', searchAttributes: [], report: silent },
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

  it('refuses a second start on the same DATA_DIR and names the process that runs', async () => {
    const refusal = { name: 'AlreadyRunningError', message: new RegExp(`pid ${stack.pid}\\b`) }
    await assert.rejects(startStackProcess(dataDir), refusal)
    await query(stack.databaseUrl, 'SELECT 1')
  })

  it('keeps its servers when Ctrl-C reaches its process group', async () => {
    const before = await stack.children()
    process.kill(-stack.pid, 'SIGINT')
    await until(() => stack.reported.includes('interrupted'))
    await query(stack.databaseUrl, 'SELECT 1')
    assert.deepEqual(await stack.children(), before)
  })

  it('stops its servers when it is stopped', async () => {
    const servers = await stack.children()
    assert.equal(servers.length, 2)
    await stack.stop()
    assert(!(await isAnyRunning(servers)))
  })
})

describe('the embedded PostgreSQL', () => {
  it('is durable, checks its pages, uses UTF-8, and listens on loopback only', async () => {
    const postgres = await startPostgres({ dataDir: await temporaryFolder(), report: silent })
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

  it('is started again on its port when it is killed, and reports that', async () => {
    const reported: string[] = []
    const report = (line: string) => reported.push(line)
    const postgres = await startPostgres({ dataDir: await temporaryFolder(), report })
    process.kill(Number(postgres.pid), 'SIGKILL')
    await until(() => reported.some((line) => line.includes('is ready again')))
    await query(postgres.url, 'SELECT 1')
    await postgres.kill('SIGKILL')
    await assert.rejects(query(postgres.url, 'SELECT 1'))
    await postgres.start()
    await query(postgres.url, 'SELECT 1')
    await postgres.stop()
  })

  it('takes the next port when its own is taken', async () => {
    const port = await freePort(54_600)
    const otherServer = createServer().listen(port, '127.0.0.1')
    const dataDir = await temporaryFolder()
    const postgres = await startPostgres({ dataDir, report: silent, port })
    assert(postgres.port > port)
    await postgres.stop()
    otherServer.close()
  })

  it('starts although the pid of its killed server belongs to another program now', async () => {
    const dataDir = await temporaryFolder()
    const options = { dataDir, report: silent }
    const killed = await startPostgres(options)
    const pidFile = join(dataDir, 'postgres', 'postmaster.pid')
    const left = await readFile(pidFile, 'utf8')
    await killed.kill('SIGKILL')
    // PostgreSQL checks only processes of its own user.
    const { uid, gid } = await stat(join(dataDir, 'postgres'))
    const otherProcess = spawn('sleep', ['60'], process.getuid?.() === 0 ? { uid, gid } : {})
    await writeFile(pidFile, left.replace(/^\d+/, String(otherProcess.pid)))
    const next = await startPostgres(options)
    await next.stop()
    assert.equal(otherProcess.exitCode, null)
    otherProcess.kill()
  })

  it('does not start beside a server that runs on its data without the lock', async () => {
    const dataDir = await temporaryFolder()
    const running = await startPostgres({ dataDir, report: silent })
    await rm(join(dataDir, 'postgres.pid'))
    const refusal = { name: 'ChildStartError', message: /lock file "postmaster\.pid" already exists/ }
    await assert.rejects(startPostgres({ dataDir, report: silent }), refusal)
    assert.match(await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'), new RegExp(`^${running.pid}\\b`))
    await query(running.url, 'SELECT 1')
    await running.stop()
  })

  it('gets a new password when the file with the old one is missing', async () => {
    const dataDir = await temporaryFolder()
    const options = { dataDir, report: silent }
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

/**
 * Temporal's CLI, whose first starts fail as if another process had taken a port before the server binds it: the port for metrics, which
 * is passed to it, or one that it chooses.
 */
async function cliWithTakenPorts(failures: number, port: '--metrics-port' | 'its own') {
  const dataDir = await temporaryFolder()
  const cli = await findTemporalCli({ cli: readConfig(process.env).temporal.cli, dataDir, report: silent })
  const path = join(dataDir, 'temporal-with-taken-ports')
  const script = `#!/bin/sh
echo start >> ${path}.starts
[ $(wc -l < ${path}.starts) -gt ${failures} ] && exec ${cli} "$@"
taken=40201
while [ $# -gt 0 ]; do [ "$1" = ${port === 'its own' ? 'none' : port} ] && taken=$2; shift; done
echo "error: listen tcp 127.0.0.1:$taken: bind: address already in use"
echo 'panic: cannot listen'; echo; echo 'goroutine 1 [running]:'
exit 2
`
  await writeFile(path, script, { mode: 0o755 })
  const starts = async () => (await readFile(`${path}.starts`, 'utf8')).trim().split('\n').length
  return { options: { cliPath: path, dataDir, namespace: 'default', searchAttributes: [], report: silent }, starts }
}

describe('the embedded Temporal', () => {
  for (const port of ['--metrics-port', 'its own'] as const) {
    it(`is started up to five times when a port is taken before it binds it: ${port}`, async () => {
      const { options } = await cliWithTakenPorts(4, port)
      const temporal = await startTemporal(options)
      await temporal.stop()
    })

    it(`reports why it does not start when the fifth start fails too: ${port}`, async () => {
      const { options, starts } = await cliWithTakenPorts(5, port)
      await assert.rejects(startTemporal(options), /bind: address already in use\npanic: cannot listen$/)
      assert.equal(await starts(), 5)
    })
  }

  it('registers the search attributes in a namespace of its own, at the first start and after', async () => {
    const dataDir = await temporaryFolder()
    const cliPath = await findTemporalCli({ cli: readConfig(process.env).temporal.cli, dataDir, report: silent })
    const searchAttributes = searchAttributeNames
    const options = { cliPath, dataDir, namespace: 'post', searchAttributes, report: silent }
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
