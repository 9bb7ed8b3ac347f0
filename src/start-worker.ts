/** The worker: Temporal → workflows and activities → PostgreSQL. */
import { createActivities } from './activities/create-activities.ts'
import { createScheduledActivities } from './activities/create-scheduled-activities.ts'
import { createExportActivities } from './activities/export-activities.ts'
import { createMailServers } from './activities/mail-servers.ts'
import { createProviderListActivities } from './activities/provider-list-activities.ts'
import { createReconcileActivities } from './activities/reconcile-activities.ts'
import { createWorkerServer } from './api/worker-server.ts'
import { applyPool, schedulePool } from './db/pools.ts'
import { createScheduledExport } from './exports/scheduled-export.ts'
import { listenAsWorker } from './listening.ts'
import { createSupportChannels } from './notifications/channels.ts'
import { createAllProviderApis } from './providers/registry.ts'
import { startEndpoints } from './start-endpoints.ts'
import { mailboxActivities } from './start-mail.ts'
import { stopStep } from './stopping.ts'
import { connectEmailWorkflows, type RunningPart, type SharedParts, type SystemOptions } from './system-options.ts'
import { thisBuildId } from './temporal/deployment.ts'
import { createEndpointWorkflows } from './temporal/endpoints.ts'
import { createTemporalIncidents } from './temporal/incidents.ts'
import { createReconciliations } from './temporal/reconciliations.ts'
import { runWorker, workerStopsWithinMs } from './temporal/run-worker.ts'
import { exportJob, mailboxJob, scheduledJobs } from './temporal/scheduled-jobs.ts'
import { taskQueue } from './temporal/worker.ts'

/** Starts the worker in the separate process, if there is one. */
export function superviseWorker({ supervisor, databaseUrl, temporal, erasureKey }: SystemOptions): RunningPart | null {
  if (!supervisor) return null
  supervisor.start({ databaseUrl, temporalAddress: temporal.address, erasureKey })
  const { whenPolling: whenRunning, isPolling } = supervisor
  return { url: null, whenRunning, isPolling, stop: () => supervisor.stop() }
}

/** Starts the worker in this process. It waits for Temporal if necessary. */
export async function startWorker(
  options: SystemOptions,
  { pools, metrics, changeNotifier }: SharedParts,
): Promise<RunningPart> {
  const { config, temporal, log } = options
  const [applyDb, scheduleDb] = [pools.open(applyPool), pools.open(schedulePool)]
  const { client, emailWorkflows } = connectEmailWorkflows(options)
  const incidents = createTemporalIncidents({ client, taskQueue, policy: config.policy })
  const channels = createSupportChannels(config, log)
  const providerApis = createAllProviderApis(config)
  const startReconcile = createReconciliations(client, taskQueue).start
  const scheduledExport = createScheduledExport(scheduleDb, config.dataExport)
  const activities = {
    ...mailboxActivities(config, scheduleDb, metrics),
    ...createExportActivities({ db: scheduleDb, scheduledExport }),
    ...createProviderListActivities({ db: scheduleDb, providerApis, clock: Date.now }),
    ...createReconcileActivities({ db: scheduleDb, providerApis, startReconcile, clock: Date.now }),
    ...createActivities({
      db: applyDb,
      channels,
      providerApis,
      metrics,
      onChange: changeNotifier.notify,
    }),
    ...createScheduledActivities({
      db: scheduleDb,
      emailWorkflows,
      endpointWorkflows: createEndpointWorkflows(client, taskQueue),
      policy: config.policy,
      retention: config.retention,
      alarms: config.alarms,
      incidents,
      startReconcile,
      channels: channels.map(({ name }) => name),
      teamChannels: channels.filter(({ routing }) => routing !== undefined),
      mailServers: config.dns.looksUpMailServers ? createMailServers(config.dns) : null,
    }),
  }
  const worker = runWorker({
    target: temporal,
    activities,
    scheduledJobs: [
      ...scheduledJobs,
      ...(scheduledExport === null ? [] : [exportJob]),
      ...(config.mail.mailboxes.length === 0 ? [] : [mailboxJob]),
    ],
    log,
    tracing: options.tracing?.worker ?? null,
    deployment: config.deployment === null ? null : { name: config.deployment, buildId: thisBuildId() },
  })
  const endpoints = startEndpoints(options, { pools })
  const stopWorker = async () => {
    await Promise.all([stopStep(log, 'worker', workerStopsWithinMs, () => worker.stop()), endpoints.stop()])
    await stopStep(log, 'Temporal connection', 1_000, () => client.connection.close())
  }
  const { whenRunning, isRunning: isPolling } = worker
  // An API in the same process, or the supervisor's, reports health and metrics.
  if (config.role !== 'worker' || options.isSupervised) return { url: null, whenRunning, isPolling, stop: stopWorker }
  const metricsKeys = [...options.apiKeys, ...config.metricsKeys]
  const server = createWorkerServer({
    db: applyDb,
    emailWorkflows,
    isWorking: worker.isRunning,
    metrics,
    metricsKeys,
    log,
  })
  const url = await listenAsWorker(server, config.workerPort, config.host).catch(async (error) => {
    await stopWorker()
    throw error
  })
  return {
    url,
    whenRunning,
    isPolling,
    async stop() {
      await stopWorker()
      await stopStep(log, 'worker server', 1_500, () => server.close({ graceMs: 1_000 }))
    },
  }
}
