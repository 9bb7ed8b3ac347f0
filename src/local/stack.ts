/** The servers of one machine: PostgreSQL and Temporal under a DATA_DIR, for those who have none. */
import type { Config } from '../config.ts'
import { prepareDataDir } from './data-dir.ts'
import { lockDataDir } from './lock.ts'
import { startPostgres } from './postgres.ts'
import { startTemporal } from './temporal.ts'
import { findTemporalCli } from './temporal-cli.ts'

export interface LocalStackOptions {
  readonly dataDir: string
  readonly embedPostgres: boolean
  readonly embedTemporal: boolean
  readonly temporalCli: Config['temporal']['cli']
  readonly namespace: string
  /** Names of search attributes of type Keyword. */
  readonly searchAttributes: readonly string[]
  /** Told of progress, a line at a time. */
  readonly say: (line: string) => void
  /** Told when a server dies and is started again. Default `say`. */
  readonly onTrouble?: (line: string) => void
}

export interface LocalStack {
  /** Null where it is not embedded; the same below. */
  readonly databaseUrl: string | null
  readonly temporalAddress: string | null
  readonly webUiUrl: string | null
  /** Stops what was started and lets go of DATA_DIR. */
  stop(): Promise<void>
}

/**
 * Starts what is asked for, both at once, after stopping what a killed system left running.
 * @throws AlreadyRunningError when another process holds DATA_DIR; ConfigurationError or ChildStartError otherwise.
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const dataDir = await prepareDataDir(options.dataDir)
  const unlock = await lockDataDir(dataDir)
  const [postgres, temporal] = await Promise.allSettled([
    options.embedPostgres ? postgresOf(options, dataDir) : null,
    options.embedTemporal ? temporalOf(options, dataDir) : null,
  ])
  const stop = async () => {
    const started = [postgres, temporal].filter((result) => result.status === 'fulfilled')
    await Promise.all(started.map(({ value }) => value?.stop()))
    await unlock()
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

async function postgresOf({ say, onTrouble = say }: LocalStackOptions, dataDir: string) {
  const postgres = await startPostgres({ dataDir, say, onTrouble })
  say(`PostgreSQL: embedded, on port ${postgres.port}`)
  return postgres
}

async function temporalOf(options: LocalStackOptions, dataDir: string) {
  const { temporalCli, namespace, searchAttributes, say, onTrouble = say } = options
  const cliPath = await findTemporalCli({ cli: temporalCli, dataDir, say })
  const temporal = await startTemporal({ cliPath, dataDir, namespace, searchAttributes, say, onTrouble })
  say(`Temporal: dev server on ${temporal.address}, Web UI on ${temporal.webUiUrl}`)
  return temporal
}
