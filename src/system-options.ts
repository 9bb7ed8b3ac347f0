/** Options and shared parts of a system. */
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { Database } from './db/database.ts'
import type { PoolSettings } from './db/pools.ts'
import type { ChangeNotifier } from './live/change-notifier.ts'
import type { Metrics } from './metrics.ts'
import type { Tracing } from './telemetry/tracing.ts'
import { createTemporalClient, type TemporalTarget } from './temporal/connection.ts'
import { createTemporalEmailWorkflows } from './temporal/temporal-email-workflows.ts'
import { taskQueue } from './temporal/worker.ts'
import type { WorkerSupervisor } from './worker-supervisor.ts'

/** The configuration, with what is known once the servers run. */
export interface SystemOptions {
  readonly config: Config
  readonly databaseUrl: string
  readonly temporal: TemporalTarget
  /** By the path after `/webhooks/`. */
  readonly webhookSecrets: ReadonlyMap<string, readonly string[]>
  readonly apiKeys: readonly string[]
  /** For the hashes of erased addresses. */
  readonly erasureKey: string | null
  /** Of Temporal; null if unknown. */
  readonly webUiUrl: string | null
  /** For the API; a worker ignores it. */
  readonly port: number
  /** Where Temporal's SDK serves its metrics on this machine; null, the default, if no worker runs. */
  readonly temporalMetricsPort?: number | null
  /** Runs the worker of ROLE=all in a separate process. Null, the default: it runs in this one. */
  readonly supervisor?: WorkerSupervisor | null
  /** Whether this is that process, which does not listen, since the supervisor's process reports for it. Default false. */
  readonly isSupervised?: boolean
  /** Null, the default: tracing is off. */
  readonly tracing?: Tracing | null
  readonly log: Logger
}

/** Shared by the API and the worker of one process. */
export interface SharedParts {
  readonly pools: Pools
  readonly metrics: Metrics
  readonly changeNotifier: ChangeNotifier
}

export interface Pools {
  /**
   * Opens the process's pool of this kind, once.
   * @param project confines it to the rows of this project, with a pool of its own. Default: not confined.
   */
  open(settings: PoolSettings, project?: string): Database
  close(): Promise<unknown>
}

/** A worker in this process or in a separate one. */
export interface RunningPart {
  readonly url: string | null
  readonly whenRunning: Promise<void>
  isPolling(): boolean
  stop(): Promise<void>
}

/** Connects the API or the worker to Temporal. The caller closes the connection. */
export function connectEmailWorkflows({ config, temporal, tracing }: SystemOptions) {
  const client = createTemporalClient(temporal, tracing?.clientInterceptors)
  const emailWorkflows = createTemporalEmailWorkflows({ client, taskQueue, policy: config.policy })
  return { client, emailWorkflows: tracing?.emailWorkflows(emailWorkflows) ?? emailWorkflows }
}
