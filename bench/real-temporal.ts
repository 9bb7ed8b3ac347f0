/**
 * A Temporal server on PostgreSQL, as people run it, for benchmarks: the server and the schema tool of a folder, on a
 * PostgreSQL of its own. bench/README.md says how to build the two programs.
 */
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { msNumberToTs } from '@temporalio/common/lib/time.js'
import pg from 'pg'
import { Child } from '../src/embedded/child.ts'
import { freePort } from '../src/embedded/free-port.ts'
import { startPostgres } from '../src/embedded/postgres.ts'
import { createTemporalConnection } from '../src/temporal/connection.ts'
import { ensureSearchAttributes } from '../src/temporal/search-attributes.ts'
import type { BenchTemporal } from './servers.ts'

const run = promisify(execFile)
const namespace = 'default'
const databases = { temporal: 'temporal', visibility: 'temporal_visibility' } as const
/** As in docker-compose.yml: fixed for good at the first start. */
const historyShards = 128
const firstPort = 17_233
const connections = { temporal: 20, visibility: 10 } as const
/** The namespace is served some seconds after it is made: the services keep a copy of the list. */
const servedWithinMs = 60_000

export interface RealTemporalOptions {
  /** Holds `server` and `sql`. */
  readonly programs: string
  readonly dataDir: string
  readonly say: (line: string) => void
}

/** @throws ChildStartError, or the schema tool's own error, when it does not start. */
export async function startRealTemporal({ programs, dataDir, say }: RealTemporalOptions): Promise<BenchTemporal> {
  const postgres = await startPostgres({ dataDir: join(dataDir, 'postgres'), report: say })
  await makeSchemas(join(programs, 'sql'), new URL(postgres.url))
  const ports = await eightPorts()
  const server = await serverOf(join(programs, 'server'), dataDir, settings(postgres.url, ports, dataDir), say)
  const address = `127.0.0.1:${ports[0]}`
  await server.start()
  await makeNamespace(address)
  return {
    address,
    name: 'a Temporal server on PostgreSQL',
    pids: [server.pid ?? 0, postgres.pid ?? 0],
    countVisibilityWrites: () => countVisibilityWrites(postgres.url),
    async stop() {
      await server.stop()
      await postgres.stop()
    },
  }
}

/** Rows written in the visibility store since it was made: each run's start and end, and each change of search attributes. */
async function countVisibilityWrites(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url.replace(/aftersend$/, databases.visibility) })
  await client.connect()
  const { rows } = await client.query<{ writes: string }>(
    `SELECT n_tup_ins + n_tup_upd AS writes FROM pg_stat_user_tables WHERE relname = 'executions_visibility'`,
  )
  await client.end()
  return Number(rows[0]?.writes)
}

async function makeSchemas(sql: string, { hostname, port, username, password }: URL): Promise<void> {
  const server = ['--plugin', 'postgres12', '--ep', hostname, '-p', port, '-u', username, '--pw', password]
  for (const [store, database] of Object.entries(databases)) {
    const tool = (...args: string[]) => run(sql, [...server, '--db', database, ...args])
    await tool('create')
    await tool('setup-schema', '-v', '0.0')
    await tool('update-schema', '--schema-name', `postgresql/v12/${store}`)
  }
}

/** For gRPC and membership of four services. Below 32,768: the server keeps them in a `smallint`. */
async function eightPorts(): Promise<number[]> {
  const ports = new Set<number>()
  for (let port = firstPort; ports.size < 8; port += 1) ports.add(await freePort(port, '127.0.0.1', ports))
  return [...ports]
}

/** All four services in one process, as the image `temporalio/server` runs them. */
function settings(postgresUrl: string, ports: readonly number[], dataDir: string) {
  const { host, username, password } = new URL(postgresUrl)
  const store = (name: keyof typeof databases) => ({
    sql: {
      pluginName: 'postgres12',
      databaseName: databases[name],
      connectAddr: host,
      connectProtocol: 'tcp',
      user: username,
      password,
      maxConns: connections[name],
      maxIdleConns: connections[name],
    },
  })
  const services = ['frontend', 'matching', 'history', 'worker'].map((name, index) => [
    name,
    { rpc: { grpcPort: ports[2 * index], membershipPort: ports[2 * index + 1], bindOnIP: '127.0.0.1' } },
  ])
  return {
    log: { stdout: true, level: 'error' },
    persistence: {
      defaultStore: 'temporal',
      visibilityStore: 'visibility',
      numHistoryShards: historyShards,
      datastores: { temporal: store('temporal'), visibility: store('visibility') },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services: Object.fromEntries(services),
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: {
          enabled: true,
          initialFailoverVersion: 1,
          rpcName: 'frontend',
          rpcAddress: `127.0.0.1:${ports[0]}`,
        },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    dynamicConfigClient: { filepath: join(dataDir, 'dynamic.yaml'), pollInterval: '60s' },
  }
}

/** JSON is YAML, and the server reads YAML. */
async function serverOf(
  command: string,
  dataDir: string,
  config: ReturnType<typeof settings>,
  say: (line: string) => void,
): Promise<Child> {
  const configPath = join(dataDir, 'server.yaml')
  await mkdir(join(dataDir, 'logs'), { recursive: true })
  await writeFile(configPath, JSON.stringify(config), { mode: 0o600 })
  // As docker/temporal-dynamic-config.yaml and `npm start` set them.
  const dynamic = {
    'frontend.enableCancelWorkerPollsOnShutdown': [{ value: true }],
    'system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute': [{ value: 3 }],
  }
  await writeFile(join(dataDir, 'dynamic.yaml'), JSON.stringify(dynamic))
  return new Child({
    name: 'Temporal on PostgreSQL',
    command,
    args: () => ['--config-file', configPath, '--allow-no-auth', 'start'],
    env: { PATH: '/usr/bin:/bin', TZ: 'UTC', HOME: dataDir },
    cwd: dataDir,
    logPath: join(dataDir, 'logs', 'temporal.log'),
    pidPath: join(dataDir, 'temporal.pid'),
    isReady: () => answers(config.clusterMetadata.clusterInformation.active.rpcAddress),
    stopSignals: ['SIGTERM', 'SIGKILL'],
    report: say,
  })
}

async function answers(address: string): Promise<boolean> {
  const connection = createTemporalConnection({ address, namespace, security: {} })
  try {
    await connection.withDeadline(Date.now() + 2_000, () => connection.workflowService.getSystemInfo({}))
    return true
  } catch {
    return false
  } finally {
    await connection.close()
  }
}

/** With the search attributes that workflows are started with. */
async function makeNamespace(address: string): Promise<void> {
  const connection = createTemporalConnection({ address, namespace, security: {} })
  const until = Date.now() + servedWithinMs
  const retried = async (work: () => Promise<unknown>): Promise<void> => {
    for (;;) {
      try {
        await work()
        return
      } catch (error) {
        if (Date.now() > until) throw error
        await sleep(500)
      }
    }
  }
  const workflowExecutionRetentionPeriod = msNumberToTs(86_400_000)
  await retried(() => connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod }))
  await retried(() => ensureSearchAttributes(connection, namespace))
  await retried(() => connection.workflowService.listWorkflowExecutions({ namespace, query: 'EmailStatus = "sent"' }))
  await connection.close()
}
