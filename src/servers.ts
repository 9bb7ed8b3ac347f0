/** PostgreSQL and Temporal: those in the configuration, otherwise embedded ones. */
import type { Config } from './config.ts'
import { isUnavailable } from './db/database.ts'
import { applyMigrations, MigrationError } from './db/migrate.ts'
import type { Credentials } from './embedded/credentials.ts'
import { DatabaseUnavailableError } from './errors.ts'
import type { TemporalTarget } from './temporal/connection.ts'
import { searchAttributeNames } from './temporal/search-attributes.ts'

export interface Servers {
  readonly databaseUrl: string
  readonly temporal: TemporalTarget
  /** Null if the Web UI of an external Temporal is not configured. */
  readonly webUiUrl: string | null
  /** Generated secrets, if a server is embedded. */
  readonly credentials: (Credentials & { readonly isNew: boolean }) | null
  /** Writes the API's URL for the command line on this machine. */
  publish(apiUrl: string | null): Promise<void>
  /** Stops embedded servers. */
  stop(): Promise<void>
}

/**
 * Starts embedded servers and migrates the database. Does not wait for an external Temporal: webhooks are acknowledged without
 * it, and `maintainSearchAttributes` retries.
 * @param print called with each line of progress.
 */
export async function startServers(config: Config, print: (line: string) => void): Promise<Servers> {
  const servers = await (config.databaseUrl && config.temporal.address
    ? externalServers(config, config.databaseUrl, config.temporal.address)
    : embeddedServers(config, print))
  try {
    const applied = await applyMigrations({ databaseUrl: servers.databaseUrl }).catch((error) => {
      throw isUnavailable(error) && !(error instanceof MigrationError) ? databaseUnavailable(error) : error
    })
    if (applied.length > 0) print(`Database: ${applied.length} migration${applied.length === 1 ? '' : 's'} applied`)
    return servers
  } catch (error) {
    await servers.stop()
    throw error
  }
}

const databaseUnavailable = (cause: Error) =>
  new DatabaseUnavailableError(`PostgreSQL does not answer (${cause.message}): check the server and DATABASE_URL`, {
    cause,
  })

async function externalServers(config: Config, databaseUrl: string, address: string): Promise<Servers> {
  const { namespace, security } = config.temporal
  return {
    databaseUrl,
    temporal: { address, namespace, security },
    webUiUrl: config.temporal.webUiUrl,
    credentials: null,
    publish: async () => {},
    stop: async () => {},
  }
}

/** Imported only if needed: the production image has no embedded servers. */
async function embeddedServers(config: Config, print: (line: string) => void): Promise<Servers> {
  const [{ startEmbeddedStack }, { ensureCredentials }, { clearRunning, writeRunning }] = await Promise.all([
    import('./embedded/stack.ts'),
    import('./embedded/credentials.ts'),
    import('./embedded/running.ts'),
  ])
  const { namespace, security, cli } = config.temporal
  const stack = await startEmbeddedStack({
    dataDir: config.dataDir,
    embedPostgres: config.databaseUrl === null,
    embedTemporal: config.temporal.address === null,
    temporalCli: cli,
    namespace,
    searchAttributes: searchAttributeNames,
    report: print,
  })
  const databaseUrl = given(config.databaseUrl ?? stack.databaseUrl, 'PostgreSQL')
  const temporalAddress = given(config.temporal.address ?? stack.temporalAddress, 'Temporal')
  const webUiUrl = config.temporal.webUiUrl ?? stack.webUiUrl
  return {
    databaseUrl,
    temporal: { address: temporalAddress, namespace, security },
    webUiUrl,
    credentials: await ensureCredentials(config.dataDir, config.mappedProviders),
    publish: (apiUrl) =>
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
