/** Assembles the parts of a process in the order of the data: provider → API → inbox → Temporal → worker → PostgreSQL. */
import { notifyChanges } from './db/changes.ts'
import { createDatabase, type Database, withDatabaseDeadline } from './db/database.ts'
import { requireErasureKey } from './db/erasure-key.ts'
import { readInboxFigures } from './db/events.ts'
import { applyPool, readPool, receiptPool, schedulePool } from './db/pools.ts'
import { createChangeNotifier } from './live/change-notifier.ts'
import { createMetrics, type Metrics, type MetricValues } from './metrics.ts'
import { startApi } from './start-api.ts'
import { startWorker, superviseWorker } from './start-worker.ts'
import { stopStep } from './stopping.ts'
import type { Pools, RunningPart, SystemOptions } from './system-options.ts'
import { readTemporalMetrics } from './temporal/runtime-metrics.ts'
import { maintainSearchAttributes } from './temporal/search-attributes.ts'

export interface System {
  /** Null for a worker. */
  readonly apiUrl: string | null
  /** For health and metrics of a process without API; null if the API serves them. */
  readonly workerUrl: string | null
  /** Resolves when the worker polls; at once if there is none. */
  readonly whenWorking: Promise<void>
  /** Whether a worker polls now; false if there is none. */
  isPolling(): boolean
  /** The metrics of this process. */
  metricValues(): Promise<MetricValues>
  /** Graceful shutdown in the order of the data: stops receiving, finishes pending work, closes connections. */
  stop(): Promise<void>
}

/** An unavailable database must not delay the other metrics. */
const scrapeDeadlineMs = 2_000

/** Starts the configured role on a migrated database. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const pools = createPools(options)
  const { role } = options.config
  const figuresDb = pools.open(role === 'worker' ? schedulePool : readPool)
  await requireErasureKey(figuresDb)
  const metrics = metricsOf(options, figuresDb)
  const searchAttributes = maintainSearchAttributes(options.temporal, options.log)
  const changeNotifier = createChangeNotifier(() =>
    notifyChanges(pools.open(role === 'worker' ? applyPool : receiptPool)),
  )
  let worker: RunningPart | null = null
  const isPolling = () => worker?.isPolling() ?? false
  const shared = { pools, metrics, changeNotifier }
  const api = role === 'worker' ? null : await startApi(options, shared, isPolling)
  if (role !== 'api') worker = superviseWorker(options) ?? (await startWorker(options, shared))
  return {
    apiUrl: api?.url ?? null,
    workerUrl: worker?.url ?? null,
    whenWorking: worker?.whenRunning ?? Promise.resolve(),
    isPolling,
    metricValues: metrics.values,
    async stop() {
      await api?.stop()
      await worker?.stop()
      await stopStep(options.log, 'search attributes', 1_000, () => searchAttributes.close())
      await stopStep(options.log, 'change notifier', 1_000, () => changeNotifier.close())
      await stopStep(options.log, 'database connections', 1_000, () => pools.close())
    },
  }
}

function metricsOf({ supervisor, isSupervised, temporalMetricsPort }: SystemOptions, db: Database): Metrics {
  const readFigures = () => withDatabaseDeadline(scrapeDeadlineMs, () => readInboxFigures(db))
  return createMetrics(isSupervised ? null : readFigures, {
    readTemporalMetrics: () => readTemporalMetrics(temporalMetricsPort ?? null),
    ...(supervisor && { readWorkerMetrics: () => supervisor.metricValues() }),
    ...(isSupervised && { labels: { process: 'worker' } }),
  })
}

function createPools({ databaseUrl: url, erasureKey, tracing, config }: SystemOptions): Pools {
  const { sharingSuppressions } = config.projects
  const opened = new Map<string, Database>()
  return {
    open(settings, project) {
      const pool = `${settings.name} ${project ?? ''}`
      const known = opened.get(pool)
      if (known) return known
      const db = createDatabase({ url, erasureKey, sharingSuppressions, project: project ?? null, ...settings })
      tracing?.traceStatements(db.pool)
      opened.set(pool, db)
      return db
    },
    close: () => Promise.all([...opened.values()].map((db) => db.$disconnect())),
  }
}
