/** The servers of one machine: PostgreSQL and Temporal under a DATA_DIR, for those who have none. */
import { chmod } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Config } from '../config.ts'
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
  /** Told when a server dies and is started again. */
  readonly onTrouble: (line: string) => void
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
  const dataDir = resolve(options.dataDir)
  const unlock = await lockDataDir(dataDir)
  const started: { stop(): Promise<void> }[] = []
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()))
    await unlock()
  }
  const keep = async <T extends { stop(): Promise<void> }>(server: Promise<T>): Promise<T> => {
    started.push(await server)
    return server
  }
  const [postgres, temporal] = await Promise.allSettled([
    options.embedPostgres ? keep(postgresOf(options, dataDir)) : null,
    options.embedTemporal ? keep(temporalOf(options, dataDir)) : null,
  ])
  const failed = [postgres, temporal].find((result) => result.status === 'rejected')
  if (failed || postgres.status === 'rejected' || temporal.status === 'rejected') {
    await stop()
    throw failed?.reason
  }
  return {
    databaseUrl: postgres.value?.url ?? null,
    temporalAddress: temporal.value?.address ?? null,
    webUiUrl: temporal.value?.webUiUrl ?? null,
    stop,
  }
}

async function postgresOf({ say, onTrouble }: LocalStackOptions, dataDir: string) {
  // PostgreSQL's user has to pass through, where it is another; nobody else learns more than file names they guess.
  if (process.getuid?.() === 0) await chmod(dataDir, 0o711)
  const postgres = await startPostgres({ dataDir, say, onTrouble })
  say(`PostgreSQL: embedded, port ${postgres.port}`)
  return postgres
}

async function temporalOf(options: LocalStackOptions, dataDir: string) {
  const { temporalCli, namespace, searchAttributes, say, onTrouble } = options
  const cliPath = await findTemporalCli({ cli: temporalCli, dataDir, say })
  const temporal = await startTemporal({ cliPath, dataDir, namespace, searchAttributes, onTrouble })
  say(`Temporal: dev server on ${temporal.address}, by ${cliPath}`)
  return temporal
}
