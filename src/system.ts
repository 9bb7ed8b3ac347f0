/** Everything put together, in the order that data takes: provider → API → inbox → Temporal → worker → PostgreSQL. */
import type { Logger } from 'pino'
import { createActivities } from './activities/create-activities.ts'
import { createRecurringActivities } from './activities/create-recurring-activities.ts'
import { createApi } from './api/api.ts'
import { createEventStreams } from './api/event-streams.ts'
import { listenAsWorker, listenOn } from './api/listening.ts'
import { createSteadyClock } from './api/steady-clock.ts'
import { createWebhookCounts } from './api/webhook-counts.ts'
import { createWorkerServer } from './api/worker-server.ts'
import type { Config } from './config.ts'
import { createDashboard } from './dashboard/dashboard.ts'
import { ringChangeBell } from './db/changes.ts'
import { createDatabase, type Database, withDatabaseDeadline } from './db/database.ts'
import { requireErasureKey } from './db/erasure-key.ts'
import { readInboxFigures } from './db/events.ts'
import { addWebhookCounts } from './db/webhook-minutes.ts'
import { claimWebhookToken } from './db/webhook-tokens.ts'
import { createInbox } from './inbox/create-inbox.ts'
import { announcingActivities, announcingInbox } from './live/announcing.ts'
import { type ChangeBell, createChangeBell } from './live/change-bell.ts'
import { createChangeFeed } from './live/change-feed.ts'
import { listenForChanges } from './live/change-listener.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { createSupportChannels } from './notify/channels.ts'
import { createProviderApis } from './providers/provider-apis.ts'
import { createWebhookSources } from './providers/registry.ts'
import type { Tracing } from './telemetry/tracing.ts'
import { createTemporalClient, type TemporalTarget } from './temporal/connection.ts'
import { thisBuildId } from './temporal/deployment.ts'
import { createTemporalIncidents } from './temporal/incidents.ts'
import { keepWorker } from './temporal/keep-worker.ts'
import { recurringWork } from './temporal/recurring-work.ts'
import { readTemporalMetrics } from './temporal/runtime-metrics.ts'
import { createTemporalLives } from './temporal/temporal-lives.ts'
import { taskQueue } from './temporal/worker.ts'

/** What the configuration leaves open until the servers are known. */
export interface SystemOptions {
  readonly config: Config
  readonly databaseUrl: string
  readonly temporal: TemporalTarget
  /** By what stands after `/webhooks/`. */
  readonly webhookSecrets: ReadonlyMap<string, readonly string[]>
  readonly apiKeys: readonly string[]
  /** By which the addresses of erased people are kept. */
  readonly erasureKey: string | null
  /** Where Temporal's Web UI is; null where it is not known. */
  readonly webUiUrl: string | null
  /** Where the API is to listen; ignored by a worker. */
  readonly port: number
  /** Where Temporal's SDK offers its figures on this machine; null, the default, where no worker runs. */
  readonly temporalMetricsPort?: number | null
  /** Null, the default: nothing is traced. */
  readonly tracing?: Tracing | null
  readonly log: Logger
}

export interface System {
  /** Where the API listens; null for a worker. */
  readonly apiUrl: string | null
  /** Where a process without API answers for its health and figures; null where the API does. */
  readonly workerUrl: string | null
  /** Resolves when the worker polls: at once where there is none, late while Temporal is away. */
  readonly whenWorking: Promise<void>
  /** Stops in the order of the data's way: takes nothing more, finishes what it holds, lets go of the servers. */
  stop(): Promise<void>
}

/** A database that is away must not hold up the other figures. */
const scrapeDeadlineMs = 2_000

/** Requests and signals under way get this long to finish. */
const graceMs = 5_000

/** Starts the roles that the configuration names, on a database that is migrated. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { databaseUrl: url, erasureKey } = options
  const db = createDatabase({ url, erasureKey, poolSize: 20, statementTimeoutMs: 5_000 })
  await requireErasureKey(db)
  options.tracing?.traceStatements(db.pool)
  const metrics = createMetrics(
    () => withDatabaseDeadline(scrapeDeadlineMs, () => readInboxFigures(db)),
    () => readTemporalMetrics(options.temporalMetricsPort ?? null),
  )
  const bell = createChangeBell(() => ringChangeBell(db))
  const { role } = options.config
  const api = role === 'worker' ? null : await startApi(options, db, metrics, bell)
  const worker = role === 'api' ? null : await startWorker(options, db, metrics, bell)
  return {
    apiUrl: api?.url ?? null,
    workerUrl: worker?.url ?? null,
    whenWorking: worker?.whenRunning ?? Promise.resolve(),
    async stop() {
      await api?.stop()
      await worker?.stop()
      await bell.close()
      await db.$disconnect()
    },
  }
}

async function startApi(options: SystemOptions, db: Database, metrics: Metrics, bell: ChangeBell) {
  const { config, port, log, tracing } = options
  const { client, lives } = reachLives(options)
  const { maxEventAgeMs } = config
  const observer = tracing?.inbox ?? null
  const receiptClock = createSteadyClock()
  const receipt = { clock: receiptClock, maxEventAgeMs, observer }
  const inbox = announcingInbox(createInbox({ db, lives, metrics, log, ...receipt }), bell)
  const listen = (onRing: () => void) => listenForChanges({ databaseUrl: options.databaseUrl, log, onRing })
  const changes = createChangeFeed({ db, listen, log })
  const webhookCounts = createWebhookCounts({ write: (counts) => addWebhookCounts(db, counts) })
  const parts = {
    db,
    inbox,
    lives,
    webhooks: createWebhookSources(options.webhookSecrets, {
      clock: Date.now,
      fetch,
      tokens: { claim: (provider, token, event) => claimWebhookToken(db, { provider, token, event }) },
    }),
    providerApis: createProviderApis(config.providerApis),
    apiKeys: options.apiKeys,
    metricsKeys: config.metricsKeys,
    changes,
    streams: createEventStreams(),
    log,
  }
  const dashboard = createDashboard({ ...parts, webUi: webUiOf(options), supportChannels: namesOf(config.support) })
  const onRequest = tracing?.requests ?? null
  const api = createApi({ ...parts, receiptClock, webhookCounts, metrics, dashboard, onRequest })
  const url = await listenOn(api, { port, host: config.host, setting: 'PORT' })
  return {
    url,
    async stop() {
      await api.close({ graceMs })
      await webhookCounts.close()
      await changes.close()
      await inbox.close()
      await client.connection.close()
    },
  }
}

/** How support is told, besides the log. */
const namesOf = ({ webhook, email }: Config['support']): string[] => [
  ...(webhook ? ['webhook'] : []),
  ...(email ? ['email'] : []),
]

function reachLives({ config, temporal, tracing }: SystemOptions) {
  const client = createTemporalClient(temporal, tracing?.clientInterceptors)
  const lives = createTemporalLives({ client, taskQueue, policy: config.policy })
  return { client, lives: tracing?.lives(lives) ?? lives }
}

const webUiOf = ({ webUiUrl, temporal }: SystemOptions) =>
  webUiUrl === null ? null : { url: webUiUrl, namespace: temporal.namespace }

async function startWorker(options: SystemOptions, db: Database, metrics: Metrics, bell: ChangeBell) {
  const { config, temporal, log } = options
  const { client, lives } = reachLives(options)
  const incidents = createTemporalIncidents({ client, taskQueue, policy: config.policy })
  const activities = {
    ...announcingActivities(
      createActivities({
        db,
        channels: createSupportChannels(config.support, log),
        providerApis: createProviderApis(config.providerApis),
        metrics,
      }),
      bell,
    ),
    ...createRecurringActivities({ db, lives, policy: config.policy, alarms: config.alarms, incidents }),
  }
  const worker = keepWorker({
    target: temporal,
    activities,
    recurringWork: recurringWork(config.retention),
    log,
    tracing: options.tracing?.worker ?? null,
    deployment: config.deployment === null ? null : { name: config.deployment, buildId: thisBuildId() },
  })
  const stopWorking = async () => {
    await worker.stop()
    await client.connection.close()
  }
  // Where the API runs in the same process, it answers for both.
  if (config.role !== 'worker') return { url: null, whenRunning: worker.whenRunning, stop: stopWorking }
  const metricsKeys = [...options.apiKeys, ...config.metricsKeys]
  const server = createWorkerServer({ db, lives, isWorking: worker.isRunning, metrics, metricsKeys, log })
  const url = await listenAsWorker(server, config.workerPort, config.host).catch(async (error) => {
    await stopWorking()
    throw error
  })
  return {
    url,
    whenRunning: worker.whenRunning,
    async stop() {
      await stopWorking()
      await server.close({ graceMs: 1_000 })
    },
  }
}
