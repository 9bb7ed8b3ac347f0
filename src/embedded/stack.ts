/** PostgreSQL and Temporal under a DATA_DIR, for a machine that has none. */
import type { Config } from '../config.ts'
import { prepareDataDir } from './data-dir.ts'
import { lockDataDir } from './lock.ts'
import { type EmbeddedPostgres, startPostgres } from './postgres.ts'
import { type EmbeddedTemporal, startTemporal } from './temporal.ts'
import { findTemporalCli } from './temporal-cli.ts'

export interface EmbeddedStackOptions {
  readonly dataDir: string
  readonly embedPostgres: boolean
  readonly embedTemporal: boolean
  readonly temporalCli: Config['temporal']['cli']
  readonly namespace: string
  /** Names of search attributes of type Keyword. */
  readonly searchAttributes: readonly string[]
  /** Receives progress, and restarts of a server that ended, a line at a time. */
  readonly report: (line: string) => void
}

export interface EmbeddedStack {
  /** Null where it is not embedded; the same below. */
  readonly databaseUrl: string | null
  readonly temporalAddress: string | null
  readonly webUiUrl: string | null
  /** Stops the servers and releases DATA_DIR. */
  stop(): Promise<void>
}

/**
 * Starts the servers that are asked for, both at once. Servers that a killed system left running are stopped first.
 * @throws AlreadyRunningError when another process holds DATA_DIR; ConfigurationError or ChildStartError otherwise.
 */
export async function startEmbeddedStack(options: EmbeddedStackOptions): Promise<EmbeddedStack> {
  const dataDir = await prepareDataDir(options.dataDir)
  const unlock = await lockDataDir(dataDir)
  const [postgres, temporal] = await Promise.allSettled([
    options.embedPostgres ? embedPostgres(options, dataDir) : null,
    options.embedTemporal ? embedTemporal(options, dataDir) : null,
  ])
  const stop = async () => {
    const started = [postgres, temporal].filter((result) => result.status === 'fulfilled')
    await Promise.all(started.map(({ value }) => value?.stop()))
    unlock()
  }
  if (postgres.status === 'rejected' || temporal.status === 'rejected') {
    await stop()
    throw postgres.status === 'rejected' ? postgres.reason : (temporal as PromiseRejectedResult).reason
  }
  return {
    databaseUrl: postgres.value?.url ?? null,
    temporalAddress: temporal.value?.address ?? null,
    webUiUrl: temporal.value?.webUiUrl ?? null,
    stop,
  }
}

async function embedPostgres({ report }: EmbeddedStackOptions, dataDir: string): Promise<EmbeddedPostgres> {
  const postgres = await startPostgres({ dataDir, report })
  report(`PostgreSQL: embedded, on port ${postgres.port}`)
  return postgres
}

async function embedTemporal(options: EmbeddedStackOptions, dataDir: string): Promise<EmbeddedTemporal> {
  const { temporalCli, namespace, searchAttributes, report } = options
  const cliPath = await findTemporalCli({ cli: temporalCli, dataDir, report })
  // A webhook is acknowledged at once; its event can wait a little.
  const temporal = await startTemporal({ cliPath, dataDir, namespace, searchAttributes, report, lowPriority: true })
  report(`Temporal: dev server on ${temporal.address}, Web UI on ${temporal.webUiUrl}`)
  return temporal
}
