/** An embedded PostgreSQL. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { z } from 'zod'
import { Child } from './child.ts'
import { readDataFile, writeDataFile } from './data-file.ts'
import { freePort } from './free-port.ts'
import { findPostgresHome, type PostgresHome } from './postgres-binaries.ts'

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
  /** Exists already. The cluster, its password and its log are kept in here. */
  readonly dataDir: string
  readonly say: (line: string) => void
  readonly onTrouble: (line: string) => void
  /** False gives up durability for speed, for tests. Default true. */
  readonly durable?: boolean
  /** The port to try first. Default the one it had before, else 54320. */
  readonly port?: number
}

const databaseName = 'aftersend'
const settings = z.object({ password: z.string(), port: z.number().int() })

/** Starts the cluster of a DATA_DIR, made first if need be. Durable unless told otherwise: 200 means stored. */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const { dataDir, say, onTrouble, durable = true } = options
  const home = await findPostgresHome(dataDir, say)
  const kept = await readDataFile(join(dataDir, 'postgres.json'), settings)
  const password = kept?.password ?? randomBytes(24).toString('hex')
  if (!existsSync(join(home.clusterPath, 'PG_VERSION'))) await initialise(home, dataDir, password)
  await mkdir(join(dataDir, 'logs'), { recursive: true })

  // An orphan of a killed system still holds its port: it is stopped before a port is looked for.
  await childOf(home, dataDir, 0, durable, onTrouble).stopOrphan()
  const port = await freePort(options.port ?? kept?.port ?? 54_320)
  await writeDataFile(join(dataDir, 'postgres.json'), { password, port })
  const child = childOf(home, dataDir, port, durable, onTrouble, password)
  await child.start()
  await ensureDatabase(urlOf(port, password, 'postgres'))
  return {
    url: urlOf(port, password, databaseName),
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

async function initialise(
  { initdb, clusterPath, user }: PostgresHome,
  dataDir: string,
  password: string,
): Promise<void> {
  // What an interrupted initdb left has no PG_VERSION that it finished with; initdb wants an empty folder.
  await rm(clusterPath, { recursive: true, force: true })
  await mkdir(clusterPath, { mode: 0o700 })
  if (user) await chown(clusterPath, user.uid, user.gid)
  await writeDataFile(join(dataDir, 'postgres.json'), { password, port: 54_320 })
  const passwordFile = join(clusterPath, '..', `initdb-${randomBytes(4).toString('hex')}`)
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (user) await chown(passwordFile, user.uid, user.gid)
  const flags = ['--username=aftersend', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-instructions']
  try {
    await promisify(execFile)(initdb, ['--pgdata', clusterPath, `--pwfile=${passwordFile}`, ...flags], {
      ...user,
      cwd: clusterPath,
      env: programEnvironment,
    })
  } catch (error) {
    await rm(clusterPath, { recursive: true, force: true })
    throw error
  } finally {
    await rm(passwordFile, { force: true })
  }
}

/** Nothing of ours: PGDATA and the like would lead it astray. */
const programEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

function childOf(
  { postgres, clusterPath, user }: PostgresHome,
  dataDir: string,
  port: number,
  durable: boolean,
  onTrouble: (line: string) => void,
  password = '',
): Child {
  const parameters = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 100,
    shared_buffers: '128MB',
    max_wal_size: '1GB',
    ...(!durable && { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  }
  return new Child({
    name: 'PostgreSQL',
    command: postgres,
    args: ['-D', clusterPath, ...Object.entries(parameters).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    env: programEnvironment,
    cwd: clusterPath,
    ...(user && { user }),
    logPath: join(dataDir, 'logs', 'postgres.log'),
    pidPath: join(dataDir, 'postgres.pid.json'),
    isReady: () => accepts(urlOf(port, password, 'postgres')),
    // Fast, then immediate shutdown: postgres(1).
    stopSignals: ['SIGINT', 'SIGQUIT', 'SIGKILL'],
    onTrouble,
  })
}

async function accepts(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 })
  try {
    await client.connect()
    return true
  } catch {
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
