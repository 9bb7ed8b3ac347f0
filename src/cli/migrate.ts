/** `npm run migrate`: brings the database's tables up to date, and Temporal's search attributes where it is named and answers. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { readConfig } from '../config.ts'
import { applyMigrations, MigrationError } from '../db/migrate.ts'
import { ConfigurationError, DatabaseUnavailableError, messageOf } from '../errors.ts'
import { createTemporalConnection, type TemporalTarget } from '../temporal/connection.ts'
import { ensureSearchAttributes } from '../temporal/search-attributes.ts'
import { findDatabaseUrl } from './database-url.ts'

/** A database that is started together with this command gets so long. */
const patienceMs = 60_000
const pauseMs = 1_000
/** A Temporal that takes longer is not waited for. */
const answerMs = 3_000

async function run(): Promise<void> {
  const config = readConfig(process.env)
  // An embedded database is there or it is not: nobody is starting it beside us.
  await migrateDatabase(await findDatabaseUrl(config), config.databaseUrl === null ? 0 : Date.now() + patienceMs)
  const { address, namespace, security } = config.temporal
  if (address !== null) await registerSearchAttributes({ address, namespace, security })
}

async function migrateDatabase(databaseUrl: string, deadline: number): Promise<void> {
  const where = hostOf(databaseUrl)
  const applied = await patiently(where, deadline, () => applyMigrations({ databaseUrl })).catch((error) => {
    if (isDatabaseStarting(error)) {
      throw new DatabaseUnavailableError(
        `PostgreSQL at ${where} does not answer (${messageOf(error)}): start it first.`,
      )
    }
    if (error instanceof pg.DatabaseError) {
      throw new ConfigurationError(`PostgreSQL at ${where} refuses (${error.message}): check DATABASE_URL.`)
    }
    throw error
  })
  for (const name of applied) console.log(`Applied ${name}`)
  if (applied.length === 0) console.log(`The database at ${where} is up to date.`)
}

/** A Temporal that is away holds up no release: whatever runs registers them as soon as Temporal is there. */
async function registerSearchAttributes(target: TemporalTarget): Promise<void> {
  const { address, namespace } = target
  const connection = createTemporalConnection(target)
  try {
    await connection.withDeadline(Date.now() + answerMs, () => ensureSearchAttributes(connection, namespace))
    console.log(`Namespace ${namespace} of Temporal at ${address} has its search attributes.`)
  } catch (error) {
    console.warn(
      `Temporal at ${address} has not taken its search attributes: ${messageOf(error).replace(/\.$/, '')}.\n` +
        'The database is migrated. Every api and worker registers them as soon as Temporal takes them.',
    )
  } finally {
    await connection.close()
  }
}

/** Tries until it succeeds, fails for another reason, or the deadline has passed: then the last failure is thrown. */
async function patiently<T>(where: string, deadline: number, attempt: () => Promise<T>): Promise<T> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await attempt()
    } catch (error) {
      if (!isDatabaseStarting(error) || Date.now() + pauseMs > deadline) throw error
      if (isFirst) console.log(`PostgreSQL at ${where} is not ready yet: trying for up to ${patienceMs / 1_000} s`)
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

const hostOf = (url: string): string => new URL(url).host

const typed = [ConfigurationError, MigrationError, DatabaseUnavailableError]

try {
  await run()
  process.exit(0)
} catch (error) {
  console.error(error instanceof Error && typed.some((kind) => error instanceof kind) ? error.message : error)
  process.exit(1)
}
