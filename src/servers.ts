/** PostgreSQL and Temporal: those that the configuration names, or embedded ones where it names none. */
import type { Config } from './config.ts'
import { isUnavailable } from './db/database.ts'
import { applyMigrations } from './db/migrate.ts'
import { ConfigurationError, DatabaseUnavailableError } from './errors.ts'
import type { Credentials } from './local/credentials.ts'
import { createTemporalConnection, type TemporalTarget } from './temporal/connection.ts'
import { ensureSearchAttributes, searchAttributeNames } from './temporal/search-attributes.ts'

export interface Servers {
  readonly databaseUrl: string
  readonly temporal: TemporalTarget
  /** Null where Temporal is not ours, and nobody has said where its Web UI is. */
  readonly webUiUrl: string | null
  /** Generated secrets, where anything is embedded. */
  readonly credentials: (Credentials & { readonly isNew: boolean }) | null
  /** Leaves word of where the API is, for the command line on this machine. */
  announce(apiUrl: string | null): Promise<void>
  /** Stops what is embedded. */
  stop(): Promise<void>
}

/**
 * Starts what is to be embedded, and brings the database's tables and Temporal's search attributes up to date.
 * @param say told of progress, a line at a time.
 */
export async function startServers(config: Config, say: (line: string) => void): Promise<Servers> {
  const servers = await (config.databaseUrl && config.temporal.address
    ? namedServers(config, config.databaseUrl, config.temporal.address)
    : embeddedServers(config, say))
  try {
    const applied = await applyMigrations({ databaseUrl: servers.databaseUrl }).catch((error) => {
      throw isUnavailable(error) ? databaseAway(error) : error
    })
    if (applied.length > 0) say(`Database: ${applied.length} migration${applied.length === 1 ? '' : 's'} applied`)
    if (config.temporal.address) await registerSearchAttributes(servers.temporal, say)
    return servers
  } catch (error) {
    await servers.stop()
    throw error
  }
}

const databaseAway = (cause: Error) =>
  new DatabaseUnavailableError(`PostgreSQL does not answer (${cause.message}): is it up, and DATABASE_URL right?`, {
    cause,
  })

async function namedServers(config: Config, databaseUrl: string, address: string): Promise<Servers> {
  const { namespace, security } = config.temporal
  return {
    databaseUrl,
    temporal: { address, namespace, security },
    webUiUrl: config.temporal.webUiUrl,
    credentials: null,
    announce: async () => {},
    stop: async () => {},
  }
}

/** Loaded only when needed: a production image has no embedded servers. */
async function embeddedServers(config: Config, say: (line: string) => void): Promise<Servers> {
  const [{ startLocalStack }, { ensureCredentials }, { clearRunning, writeRunning }] = await Promise.all([
    import('./local/stack.ts'),
    import('./local/credentials.ts'),
    import('./local/running.ts'),
  ])
  const { namespace, security, cli } = config.temporal
  const stack = await startLocalStack({
    dataDir: config.dataDir,
    embedPostgres: config.databaseUrl === null,
    embedTemporal: config.temporal.address === null,
    temporalCli: cli,
    namespace,
    searchAttributes: searchAttributeNames,
    say,
    onTrouble: say,
  })
  const databaseUrl = given(config.databaseUrl ?? stack.databaseUrl, 'PostgreSQL')
  const temporalAddress = given(config.temporal.address ?? stack.temporalAddress, 'Temporal')
  const webUiUrl = config.temporal.webUiUrl ?? stack.webUiUrl
  return {
    databaseUrl,
    temporal: { address: temporalAddress, namespace, security },
    webUiUrl,
    credentials: await ensureCredentials(config.dataDir),
    announce: (apiUrl) =>
      writeRunning(config.dataDir, { apiUrl, databaseUrl, temporalAddress, webUiUrl, pid: process.pid }),
    async stop() {
      await clearRunning(config.dataDir)
      await stack.stop()
    },
  }
}

function given(address: string | null, what: string): string {
  if (address === null) throw new Error(`the embedded stack started no ${what}`)
  return address
}

/** A Temporal that is away is no reason not to start: webhooks are taken, and their events wait for it. */
async function registerSearchAttributes(target: TemporalTarget, say: (line: string) => void): Promise<void> {
  const connection = createTemporalConnection(target)
  try {
    await ensureSearchAttributes(connection, target.namespace)
  } catch (error) {
    if (error instanceof ConfigurationError) throw error
    say(`Temporal at ${target.address} does not answer yet: events wait in the inbox until it does`)
  } finally {
    await connection.close()
  }
}
