/** An embedded PostgreSQL. */
import { join } from 'node:path'
import pg from 'pg'
import { Child, ChildStartError } from './child.ts'
import { prepareDataDir } from './data-dir.ts'
import { freePort, isPortFree } from './free-port.ts'
import { stopOrphans } from './orphans.ts'
import { findPostgresHome, type PostgresHome, programEnvironment } from './postgres-binaries.ts'
import { type ClusterSettings, ensureCluster, findPlace, keepPort, removeStrangersPidFile } from './postgres-cluster.ts'

export interface LocalPostgres {
  /** Of the database `aftersend`, password included. */
  readonly url: string
  readonly port: number
  readonly pid: number | undefined
  /** Starts it again on the same port, after `stop` or `kill`. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Kills it, for tests; it stays away until `start()`. */
  kill(signal: NodeJS.Signals): Promise<void>
}

export interface PostgresOptions {
  /** The cluster, its password and its log are kept in here; made if there is none. */
  readonly dataDir: string
  readonly say: (line: string) => void
  readonly onTrouble: (line: string) => void
  /** False gives up durability for speed, for tests. Default true. */
  readonly durable?: boolean
  /** The port to try first. Default the one it had before, else 54320. */
  readonly port?: number
}

const databaseName = 'aftersend'
const preferredPort = 54_320
/** Fast, then immediate shutdown: postgres(1). */
const stopSignals = ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const

/**
 * Starts the cluster of a DATA_DIR, made first if need be, after stopping what a killed system left running. Durable
 * unless told otherwise: 200 means stored.
 * @throws ConfigurationError where it cannot be embedded, ChildStartError when it does not start.
 */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const { say } = options
  const dataDir = await prepareDataDir(options.dataDir)
  const home = await findPostgresHome(dataDir, await findPlace(dataDir), say)
  const isProgram = (fileName: string) => fileName === 'postgres'
  const orphans = await stopOrphans({ isProgram, args: ['-D', home.clusterPath], stopSignals })
  if (orphans > 0) say('PostgreSQL: stopped the server that a killed system left running')
  const settings = await ensureCluster(home, dataDir, say)
  await removeStrangersPidFile(home.clusterPath)
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

const urlOf = (port: number, password: string, database: string): string =>
  `postgresql://aftersend:${password}@127.0.0.1:${port}/${database}`

/** A port that is free now may be taken by the time that the server binds it, by another stack that starts: then the next. */
async function startOnFreePort(
  options: PostgresOptions,
  home: PostgresHome,
  dataDir: string,
  settings: ClusterSettings,
): Promise<{ child: Child; port: number }> {
  const wanted = options.port ?? settings.port ?? preferredPort
  for (let port = await freePort(wanted); ; port = await freePort(port + 1)) {
    if (port !== wanted) options.say(`PostgreSQL: port ${wanted} is taken, using ${port}`)
    const child = childOf(options, home, dataDir, port, settings.password)
    try {
      await child.start()
      await keepPort(dataDir, settings, port)
      return { child, port }
    } catch (error) {
      if (!(error instanceof ChildStartError) || (await isPortFree(port))) throw error
    }
  }
}

function childOf(
  { durable = true, onTrouble }: PostgresOptions,
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
    // Details and statements of errors quote values, and so addresses.
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
    synchronous_commit: durable ? 'on' : 'off',
    ...(!durable && { fsync: 'off', full_page_writes: 'off' }),
  }
  return new Child({
    name: 'PostgreSQL',
    command: postgres,
    args: ['-D', clusterPath, ...Object.entries(parameters).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    env: programEnvironment,
    cwd: clusterPath,
    ...(user && { user }),
    logPath: join(dataDir, 'logs', 'postgres.log'),
    isReady: () => accepts(urlOf(port, password, 'postgres')),
    // Said while the last processes of a killed server are still going.
    passing: /pre-existing shared memory block|lock file "postmaster\.pid" already exists/,
    stopSignals,
    onTrouble,
  })
}

/** SQLSTATE class 28, invalid authorization: waiting does not help. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('28')

async function accepts(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 })
  // A connection that breaks after it was made says so here; the next try tells whether that matters.
  client.on('error', () => {})
  try {
    await client.connect()
    return true
  } catch (error) {
    if (isRefusal(error)) throw error
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
