/** The Prisma client over one pg pool. Statements on the money paths are raw and stand in this folder by name. */
import { createHash } from 'node:crypto'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { DatabaseUnavailableError } from '../errors.ts'
import { PrismaClient } from './generated/client.ts'

export interface Database extends PrismaClient {
  /** The pool under the client, for the one statement whose way through Prisma costs more than the statement. */
  readonly pool: pg.Pool
  /** By which the addresses of erased people are kept; null: nobody can be erased, and nobody erased is recognised. */
  readonly erasureKey: string | null
}

export interface DatabaseOptions {
  readonly url: string
  /** By which the addresses of erased people are kept. Default null: there are none. */
  readonly erasureKey?: string | null
  /** Connections held at most. Default 10. */
  readonly poolSize?: number
  /** A statement that runs longer is cancelled by the server, and given up by us. Default 10 seconds. */
  readonly statementTimeoutMs?: number
}

/** Connects lazily: a database that is away fails the first statement, not this call. `$disconnect()` closes the pool. */
export const createDatabase = (options: DatabaseOptions): Database =>
  databaseOn(createPool(options), options.erasureKey ?? null)

/** The same on a pool of another's making, which `$disconnect()` ends. */
export const databaseOn = (pool: pg.Pool, erasureKey: string | null = null): Database =>
  new PooledClient(pool, erasureKey)

class PooledClient extends PrismaClient implements Database {
  readonly pool: pg.Pool
  readonly erasureKey: string | null

  constructor(pool: pg.Pool, erasureKey: string | null) {
    super({ adapter: new PrismaPg(pool, { statementNameGenerator: ({ sql }) => statementNameOf(sql) }) })
    this.pool = pool
    this.erasureKey = erasureKey
  }

  override async $disconnect(): Promise<void> {
    await super.$disconnect()
    if (!this.pool.ending) await this.pool.end()
  }
}

function createPool({ url, poolSize = 10, statementTimeoutMs = 10_000 }: DatabaseOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: 1_500,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + 1_000,
    application_name: 'aftersend',
  })
  // It replaces a connection that breaks while idle; whoever queries next gets the error if it lasts.
  pool.on('error', () => {})
  return pool
}

const names = new Map<string, string>()

/** Named statements are planned once per connection. The text of our statements never varies with their values. */
export function statementNameOf(sql: string): string {
  let name = names.get(sql)
  if (name === undefined) {
    name = createHash('sha256').update(sql).digest('base64url').slice(0, 22)
    if (names.size < 500) names.set(sql, name)
  }
  return name
}

/**
 * Runs `work`, but not longer than `deadlineMs`: a black-holed database neither answers nor refuses.
 * @throws DatabaseUnavailableError when the time is over, or `work` fails because PostgreSQL is not to be had.
 */
export async function withDatabaseDeadline<T>(deadlineMs: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DatabaseUnavailableError(`no answer within ${deadlineMs} ms`)), deadlineMs)
  })
  try {
    return await Promise.race([work(), late])
  } catch (error) {
    throw isUnavailable(error) ? new DatabaseUnavailableError('PostgreSQL is unreachable', { cause: error }) : error
  } finally {
    clearTimeout(timer)
  }
}

/** SQLSTATE classes 08, 53, 57P and 58, 25006: connection, resources, shutdown or recovery, I/O, read-only standby. */
const unavailableState = /^(08|53|57P|58|25006)|^57014$/
const unavailableText =
  /ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|Connection terminated|timeout exceeded|Query read timeout|starting up|shutting down|recovery mode|too many clients|read-only transaction|No space left|Can't reach database server|Server has closed the connection|DatabaseNotReachable|SocketTimeout|ConnectionClosed|not queryable/i

/** Whether `error` says that the database is away or cannot write now, rather than that the statement is wrong. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  const state = sqlStateOf(error)
  return (
    ['P1001', 'P1002', 'P1008', 'P1017', 'P2024'].includes(code) ||
    (state !== null && unavailableState.test(state)) ||
    unavailableText.test(`${code} ${error.message}`) ||
    ('cause' in error && isUnavailable(error.cause))
  )
}

/** The SQLSTATE of a failed statement, as pg names it or as Prisma tucks it into an error's `meta`; null if there is none. */
export function sqlStateOf(error: unknown): string | null {
  if (error instanceof pg.DatabaseError) return error.code ?? null
  const meta = (error as { meta?: { code?: unknown; driverAdapterError?: { cause?: { originalCode?: unknown } } } })
    .meta
  const state = meta?.driverAdapterError?.cause?.originalCode ?? meta?.code
  return typeof state === 'string' ? state : null
}
