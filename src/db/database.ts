/** The Prisma client over one pg pool. Critical statements are raw SQL, each a named function in this folder. */
import { createHash } from 'node:crypto'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { suppressionListOf } from '../domain/project.ts'
import { DatabaseUnavailableError } from '../errors.ts'
import { PrismaClient } from './generated/client.ts'

export interface Database extends PrismaClient {
  /** The pool of the client, for statements whose overhead in Prisma exceeds their own cost. */
  readonly pool: pg.Pool
  /** Key of the hashes that replace erased addresses. Null: no one can be erased, and erased addresses are not recognized. */
  readonly erasureKey: string | null
  /** See {@link suppressionListOf}. */
  readonly sharingSuppressions: ReadonlySet<string>
  /** The one whose rows it is confined to; null: those of all. */
  readonly project: string | null
}

export interface DatabaseOptions {
  readonly url: string
  /** See {@link Database.erasureKey}. Default null. */
  readonly erasureKey?: string | null
  /** See {@link Database.sharingSuppressions}. Default: none shares. */
  readonly sharingSuppressions?: ReadonlySet<string>
  /** The project whose rows the connections see and write; PostgreSQL holds them to it. Null, the default: those of all. */
  readonly project?: string | null
  /** Shown as `aftersend <name>` in pg_stat_activity. Default: `aftersend` alone. */
  readonly name?: string
  /** The limit of connections. Default 10. */
  readonly poolSize?: number
  /** A statement that runs longer is cancelled by the server. Default 10 seconds. */
  readonly statementTimeoutMs?: number
  /**
   * The client abandons a statement after this, if the server does not answer. Default `statementTimeoutMs` plus 1 second; longer
   * for a pool whose transactions set longer timeouts.
   */
  readonly answerTimeoutMs?: number
}

/** Connects lazily: an unreachable database fails the first statement, not this call. `$disconnect()` closes the pool. */
export const createDatabase = (options: DatabaseOptions): Database => databaseOn(createPool(options), options)

/** A client on an existing pool, which `$disconnect()` ends. */
export const databaseOn = (
  pool: pg.Pool,
  { erasureKey = null, sharingSuppressions = new Set(), project = null }: Partial<ContextOptions> = {},
): Database => new PooledClient(pool, { erasureKey, sharingSuppressions, project })

type Context = Pick<Database, 'erasureKey' | 'sharingSuppressions' | 'project'>
type ContextOptions = Pick<DatabaseOptions, keyof Context>

class PooledClient extends PrismaClient implements Database {
  readonly pool: pg.Pool
  readonly erasureKey: string | null
  readonly sharingSuppressions: ReadonlySet<string>
  readonly project: string | null

  constructor(pool: pg.Pool, { erasureKey, sharingSuppressions, project }: Context) {
    super({ adapter: new PrismaPg(pool, { statementNameGenerator: ({ sql }) => statementNameOf(sql) }) })
    this.pool = pool
    this.erasureKey = erasureKey
    this.sharingSuppressions = sharingSuppressions
    this.project = project
  }

  override async $disconnect(): Promise<void> {
    await super.$disconnect()
    if (!this.pool.ending) await this.pool.end()
  }
}

function createPool({
  url,
  name,
  project = null,
  sharingSuppressions = new Set(),
  poolSize = 10,
  statementTimeoutMs = 10_000,
  answerTimeoutMs = statementTimeoutMs + 1_000,
}: DatabaseOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: 1_500,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    statement_timeout: statementTimeoutMs,
    query_timeout: answerTimeoutMs,
    application_name: name === undefined ? 'aftersend' : `aftersend ${name}`,
    ...(project !== null && { verify: confineTo(project, suppressionListOf({ sharingSuppressions }, project)) }),
  })
  // The pool replaces a connection that breaks while idle. A lasting error fails the next statement.
  pool.on('error', () => {})
  return pool
}

/** Before the first statement of each connection; one that cannot be confined is not used. */
const confineTo =
  (project: string, list: string): NonNullable<pg.PoolConfig['verify']> =>
  (client, done) => {
    client
      .query('SET ROLE aftersend_project')
      .then(() =>
        client.query(
          "SELECT set_config('aftersend.project', $1, false), set_config('aftersend.suppression_list', $2, false)",
          [project, list],
        ),
      )
      .then(() => done(), done)
  }

const names = new Map<string, string>()

/** PostgreSQL plans a named statement once per connection. The text of a statement does not depend on its values. */
export function statementNameOf(sql: string): string {
  let name = names.get(sql)
  if (name === undefined) {
    name = createHash('sha256').update(sql).digest('base64url').slice(0, 22)
    if (names.size < 500) names.set(sql, name)
  }
  return name
}

/**
 * Runs `work` with a deadline: a database behind a broken network may never answer.
 * @throws DatabaseUnavailableError after `deadlineMs`, or if `work` fails because PostgreSQL is unavailable.
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

/** Whether `error` means that the database is unreachable or cannot write, and not that the statement is wrong. */
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

/** The SQLSTATE of a failed statement, from pg or from the `meta` of Prisma's error; null if there is none. */
export function sqlStateOf(error: unknown): string | null {
  if (error instanceof pg.DatabaseError) return error.code ?? null
  const meta = (error as { meta?: { code?: unknown; driverAdapterError?: { cause?: { originalCode?: unknown } } } })
    .meta
  const state = meta?.driverAdapterError?.cause?.originalCode ?? meta?.code
  return typeof state === 'string' ? state : null
}

/** The SQLSTATE of a row that a unique index refuses. */
export const uniqueViolation = '23505'
