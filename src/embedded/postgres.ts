/** An embedded PostgreSQL server. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { Child, ChildStartError } from './child.ts'
import { prepareDataDir } from './data-dir.ts'
import { freePort, isPortFree } from './free-port.ts'
import { acquirePidFile } from './pid-file.ts'
import { findPostgresHome, type PostgresHome, programEnvironment } from './postgres-binaries.ts'
import { type ClusterSettings, ensureCluster, readClusterLocation, savePort } from './postgres-cluster.ts'

export interface EmbeddedPostgres {
  /** The URL of the database `aftersend`, with its password. */
  readonly url: string
  readonly port: number
  readonly pid: number | undefined
  /** Starts it again on the same port, after `stop` or `kill`. */
  start(): Promise<void>
  stop(): Promise<void>
  /** For tests. It is not started again before `start()`. */
  kill(signal: NodeJS.Signals): Promise<void>
}

export interface PostgresOptions {
  /** Holds the cluster, its password and its log. Created if there is none. */
  readonly dataDir: string
  /** Receives progress, and restarts of a server that ended, a line at a time. */
  readonly report: (line: string) => void
  /** False trades durability for speed, in tests. Default true. */
  readonly durable?: boolean
  /** The port to try first. Default the one it had before, else 54320. */
  readonly port?: number
}

const databaseName = 'aftersend'
const preferredPort = 54_320
/** Fast shutdown, then immediate shutdown: postgres(1). */
const stopSignals = ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const
const pidPathIn = (dataDir: string): string => join(dataDir, 'postgres.pid')

/**
 * Starts the cluster of a DATA_DIR, which is created first if there is none. A server that a killed system left running is stopped
 * first.
 * @throws ConfigurationError where it cannot be embedded, ChildStartError when it does not start.
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const { report } = options
  const dataDir = await prepareDataDir(options.dataDir)
  const home = await findPostgresHome(dataDir, await readClusterLocation(dataDir), report)
  const pidFile = await acquirePidFile(pidPathIn(dataDir), stopSignals, () =>
    report('PostgreSQL: stopping the server that a killed system left running'),
  )
  pidFile.close()
  const settings = await ensureCluster(home, dataDir, report)
  await removeStalePidFile(home, settings)
  const { child, port } = await startOnFreePort(options, home, dataDir, settings)
  await ensureDatabase(urlOf(port, settings.password, 'postgres'))
  return {
    url: urlOf(port, settings.password, databaseName),
    port,
    get pid() {
      return child.pid
    },
    start: () => child.start(),
    stop: () => child.stop(),
    kill: (signal) => child.kill(signal),
  }
}

/**
 * Removes PostgreSQL's own pid file, that of a killed server. PostgreSQL would not start if another process of the same user has that pid
 * now, as after a reboot. The file stays if a server answers that was not started from here.
 */
async function removeStalePidFile({ clusterPath }: PostgresHome, { port, password }: ClusterSettings): Promise<void> {
  const isServed = port !== null && (await accepts(urlOf(port, password, 'postgres')).catch(() => false))
  if (!isServed) await rm(join(clusterPath, 'postmaster.pid'), { force: true })
}

const urlOf = (port: number, password: string, database: string): string =>
  `postgresql://aftersend:${password}@127.0.0.1:${port}/${database}`

const portTaken = /could not bind .*: Address already in use/

/** Tries the next port if another process takes this one before the server binds it. */
async function startOnFreePort(
  options: PostgresOptions,
  home: PostgresHome,
  dataDir: string,
  settings: ClusterSettings,
): Promise<{ child: Child; port: number }> {
  const wanted = options.port ?? settings.port ?? preferredPort
  for (let port = await freePort(wanted); ; port = await freePort(port + 1)) {
    if (port !== wanted) options.report(`PostgreSQL: port ${wanted} is taken, using ${port}`)
    const child = createChild(options, home, dataDir, port, settings.password)
    try {
      await child.start()
      await savePort(dataDir, settings, port)
      return { child, port }
    } catch (error) {
      // The process that took it may have ended since: the output says so too.
      const wasTaken = error instanceof ChildStartError && (portTaken.test(error.output) || !(await isPortFree(port)))
      if (!wasTaken) throw error
    }
  }
}

function createChild(
  { durable = true, report }: PostgresOptions,
  { postgres, clusterPath, user }: PostgresHome,
  dataDir: string,
  port: number,
  password: string,
): Child {
  const parameters = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 100,
    shared_buffers: '128MB',
    max_wal_size: '1GB',
    // Details and statements of errors contain values, such as email addresses.
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
    synchronous_commit: durable ? 'on' : 'off',
    ...(!durable && { fsync: 'off', full_page_writes: 'off' }),
  }
  const settings = Object.entries(parameters).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return new Child({
    name: 'PostgreSQL',
    command: postgres,
    args: () => ['-D', clusterPath, ...settings],
    env: programEnvironment,
    cwd: clusterPath,
    ...(user && { user }),
    logPath: join(dataDir, 'logs', 'postgres.log'),
    pidPath: pidPathIn(dataDir),
    isReady: () => accepts(urlOf(port, password, 'postgres')),
    stopSignals,
    report,
  })
}

/** SQLSTATE class 28, invalid authorization: it does not pass by waiting. */
const isAuthorizationError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('28')

async function accepts(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 })
  // Emitted if an open connection breaks; the next attempt shows whether the server is ready.
  client.on('error', () => {})
  try {
    await client.connect()
    return true
  } catch (error) {
    if (isAuthorizationError(error)) throw error
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [databaseName])
    if (!rowCount) await client.query(`CREATE DATABASE ${databaseName}`)
  } finally {
    await client.end()
  }
}
