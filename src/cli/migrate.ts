/** `npm run migrate`: brings the database's tables, and Temporal's search attributes where it is named, up to date. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Connection, isGrpcServiceError } from '@temporalio/client'
import pg from 'pg'
import { readConfig } from '../config.ts'
import { applyMigrations, MigrationError } from '../db/migrate.ts'
import { ConfigurationError, DatabaseUnavailableError, TemporalUnavailableError } from '../errors.ts'
import { createTemporalConnection, type TemporalTarget } from '../temporal/connection.ts'
import { ensureSearchAttributes } from '../temporal/search-attributes.ts'
import { findDatabaseUrl } from './database-url.ts'

/** Servers that are started together with this command get so long. */
const patienceMs = 60_000
const pauseMs = 1_000
/** A server that takes longer is taken for one that does not answer. */
const answerMs = 5_000

/** gRPC's numbers: google.golang.org/grpc/codes. */
const stillStarting = new Set([4 /* DEADLINE_EXCEEDED */, 14 /* UNAVAILABLE */])
const notFound = 5

async function run(): Promise<void> {
  const config = readConfig(process.env)
  const deadline = Date.now() + patienceMs
  // An embedded database is there or it is not: nobody is starting it beside us.
  await migrateDatabase(await findDatabaseUrl(config), config.databaseUrl === null ? 0 : deadline)
  const { address, namespace, security } = config.temporal
  if (address !== null) await registerSearchAttributes({ address, namespace, security }, deadline)
}

async function migrateDatabase(databaseUrl: string, deadline: number): Promise<void> {
  const where = hostOf(databaseUrl)
  const applied = await patiently(`PostgreSQL at ${where}`, isDatabaseStarting, deadline, () =>
    applyMigrations({ databaseUrl }),
  ).catch((error) => {
    if (isDatabaseStarting(error)) {
      throw new DatabaseUnavailableError(`PostgreSQL at ${where} does not answer (${wordsOf(error)}): start it first.`)
    }
    if (error instanceof pg.DatabaseError) {
      throw new ConfigurationError(`PostgreSQL at ${where} refuses (${error.message}): check DATABASE_URL.`)
    }
    throw error
  })
  for (const name of applied) console.log(`Applied ${name}`)
  if (applied.length === 0) console.log(`The database at ${where} is up to date.`)
}

async function registerSearchAttributes(target: TemporalTarget, deadline: number): Promise<void> {
  const { address, namespace } = target
  const connection = createTemporalConnection(target)
  try {
    await patiently(`Temporal at ${address}`, isTemporalStarting, deadline, async () => {
      await lookUpNamespace(connection, namespace)
      await connection.withDeadline(Date.now() + answerMs, () => ensureSearchAttributes(connection, namespace))
    })
    console.log(`Namespace ${namespace} of Temporal at ${address} has its search attributes.`)
  } catch (error) {
    if (!isTemporalStarting(error)) throw error
    if (isMissing(error)) {
      const command = `temporal operator namespace create --namespace ${namespace}`
      throw new ConfigurationError(`Temporal at ${address} has no namespace ${namespace}: ${command}`)
    }
    throw new TemporalUnavailableError(`Temporal at ${address} does not answer (${wordsOf(error)}): start it first.`)
  } finally {
    await connection.close()
  }
}

/** Whoever may register search attributes but not describe the namespace gets their answer from registering. */
async function lookUpNamespace(connection: Connection, namespace: string): Promise<void> {
  try {
    await connection.withDeadline(Date.now() + answerMs, () =>
      connection.workflowService.describeNamespace({ namespace }),
    )
  } catch (error) {
    if (isTemporalStarting(error)) throw error
  }
}

/** Tries until it succeeds, fails for another reason, or the deadline has passed: then the last failure is thrown. */
async function patiently<T>(
  what: string,
  isStarting: (error: unknown) => boolean,
  deadline: number,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await attempt()
    } catch (error) {
      if (!isStarting(error) || Date.now() + pauseMs > deadline) throw error
      if (isFirst) console.log(`${what} is not ready yet: trying for up to ${patienceMs / 1_000} s`)
      await sleep(pauseMs)
    }
  }
}

/** Codes of Node for a host that is not there yet, and of PostgreSQL for "starting up" and "shutting down". */
const startingCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', '57P03', '57P01'])

function isDatabaseStarting(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  // pg has no code for a connection that took too long or ended early.
  return (
    startingCodes.has(String('code' in error && error.code)) || /^(timeout|Connection terminated)/.test(error.message)
  )
}

const isMissing = (error: unknown): boolean => isGrpcServiceError(error) && error.code === notFound

/** A namespace that is being created is told as missing for a while, also to who registers search attributes in it. */
const isTemporalStarting = (error: unknown): boolean =>
  isGrpcServiceError(error)
    ? stillStarting.has(error.code) || error.code === notFound
    : error instanceof ConfigurationError && isGrpcServiceError(error.cause) && isTemporalStarting(error.cause)

const hostOf = (url: string): string => new URL(url).host

/** An AggregateError, one for each address of a host, has no message of its own. */
const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message || String('code' in error ? error.code : error.name) : String(error)

const typed = [ConfigurationError, MigrationError, DatabaseUnavailableError, TemporalUnavailableError]

try {
  await run()
  process.exit(0)
} catch (error) {
  console.error(error instanceof Error && typed.some((kind) => error instanceof kind) ? error.message : error)
  process.exit(1)
}
