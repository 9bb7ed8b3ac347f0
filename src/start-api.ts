/** The API: webhooks → inbox → Temporal, and PostgreSQL → REST, streams and dashboard. */
import { createApi } from './api/api.ts'
import type { ProjectAccess } from './api/project-parts.ts'
import { slackAppsOf, teamChannelsOf } from './channel-access.ts'
import type { Config } from './config.ts'
import { createDashboard } from './dashboard/dashboard.ts'
import { createOpenIdProvider } from './dashboard/openid.ts'
import type { Database } from './db/database.ts'
import { projectPool, readPool, receiptPool } from './db/pools.ts'
import { requireProjectRole } from './db/project-rows.ts'
import { warmUp } from './db/warm-up.ts'
import { addWebhookCounts } from './db/webhook-minutes.ts'
import { claimWebhookToken } from './db/webhook-tokens.ts'
import { defaultProject } from './domain/project.ts'
import { createDns } from './domains/dns.ts'
import { createAddressGuard } from './endpoints/address-guard.ts'
import { createEventStreams } from './http/event-streams.ts'
import { createInbox } from './inbox/create-inbox.ts'
import { watchSystem } from './incidents/watch.ts'
import { listenOn } from './listening.ts'
import { createChangeFeed } from './live/change-feed.ts'
import { listenForChanges } from './live/change-listener.ts'
import { createSupportChannels } from './notifications/channels.ts'
import { createAllProviderApis, createWebhookSources } from './providers/registry.ts'
import { receiveMailOf, smtpIntakeLabel, startSmtpIntake } from './start-mail.ts'
import { stopStep } from './stopping.ts'
import { connectEmailWorkflows, type SharedParts, type SystemOptions } from './system-options.ts'
import { createEndpointWorkflows } from './temporal/endpoints.ts'
import { countFailingWorkflows } from './temporal/failing-workflows.ts'
import { createReconciliations } from './temporal/reconciliations.ts'
import { taskQueue } from './temporal/worker.ts'
import { createSteadyClock } from './webhooks/steady-clock.ts'
import { createWebhookCounts } from './webhooks/webhook-counts.ts'

/** Connections that are open in the pool for reads when the API starts to listen. The pool for receipt opens all. */
const warmReads = 2

/** Time for running requests and signals to finish. */
const graceMs = 5_000

/** @param isPolling whether the worker of this process, or of the one that it supervises, polls. */
export async function startApi(
  options: SystemOptions,
  { pools, metrics, changeNotifier }: SharedParts,
  isPolling: () => boolean,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { config, port, log, tracing } = options
  const { openId } = config.signIn
  const [db, receiptDb] = [pools.open(readPool), pools.open(receiptPool)]
  const { client, emailWorkflows } = connectEmailWorkflows(options)
  const receiptClock = createSteadyClock()
  const webhookCounts = createWebhookCounts({ write: (counts) => addWebhookCounts(receiptDb, counts) })
  const inbox = createInbox({
    ...{ db: receiptDb, emailWorkflows, metrics, log, clock: receiptClock },
    ...{ maxEventAgeMs: config.maxEventAgeMs, coalesceMs: config.coalesceMs },
    observer: tracing?.inbox ?? null,
    onChange: changeNotifier.notify,
  })
  const changes = createChangeFeed({
    ...{ db, log },
    listen: (onNotification) => listenForChanges({ databaseUrl: options.databaseUrl, log, onNotification }),
  })
  const channels = createSupportChannels(config, log)
  const systemWatch = watchSystem({
    ...{ db: receiptDb, policy: config.policy, alarms: config.alarms, temporalStatus: inbox.temporalStatus, log },
    channels,
    countFailingWorkflows: () => countFailingWorkflows(client, taskQueue),
    onChange: changeNotifier.notify,
  })
  const parts = {
    ...{ db, receiptDb, inbox, emailWorkflows, changes, temporalStatus: inbox.temporalStatus, log },
    webhooks: webhookSources(options, receiptDb),
    mappedProviders: config.mappedProviders,
    receiveMail: receiveMailOf(config, { db: receiptDb, inbox, metrics, clock: receiptClock }),
    providerApis: createAllProviderApis(config),
    reconciliations: createReconciliations(client, taskQueue),
    teamChannels: teamChannelsOf(config, channels),
    slackApps: slackAppsOf(config),
    endpointWorkflows: createEndpointWorkflows(client, taskQueue),
    endpointGuard: createAddressGuard(config.endpointAllowedHosts),
    dns: createDns(config.dns),
    apiKeys: options.apiKeys,
    signIn: { withKeys: config.signIn.withKeys, openId: openId && createOpenIdProvider(openId, Date.now) },
    metricsKeys: config.metricsKeys,
    proxyHops: config.proxyHops,
    streams: createEventStreams(),
    projects: await projectAccess(config, pools),
    // Workers elsewhere report their own readiness.
    isWorking: config.role === 'all' ? isPolling : null,
  }
  const dashboard = createDashboard({
    ...{ ...parts, webUi: webUiOf(options), supportChannels: namesOf(config), smtpIntake: smtpIntakeLabel(config) },
  })
  const onRequest = tracing?.requests ?? null
  const api = createApi({ ...parts, receiptClock, webhookCounts, metrics, dashboard, onRequest })
  await Promise.all([warmUp(receiptDb, receiptPool.poolSize), warmUp(db, warmReads)])
  const url = await listenOn(api, { port, host: config.host, setting: 'PORT' })
  const smtpIntake = await startSmtpIntake(options, { metrics, receiveMail: parts.receiveMail })
  return {
    url,
    async stop() {
      const receiving = [api, smtpIntake].map((each) => each?.close({ graceMs }))
      await stopStep(log, 'requests', graceMs + 500, () => Promise.all(receiving))
      await stopStep(log, 'system watch', 2_000, () => systemWatch.close())
      await stopStep(log, 'webhook counts', 1_000, () => webhookCounts.close())
      await stopStep(log, 'change feed', 1_000, () => changes.close())
      await stopStep(log, 'inbox', graceMs, () => inbox.close())
      await stopStep(log, 'Temporal connection', 1_000, () => client.connection.close())
    },
  }
}

const webhookSources = ({ webhookSecrets, config }: SystemOptions, db: Database) =>
  createWebhookSources(
    webhookSecrets,
    {
      clock: Date.now,
      fetch,
      tokens: { claim: (provider, token, event) => claimWebhookToken(db, { provider, token, event }) },
    },
    config.projects,
    config.mappedProviders,
  )

async function projectAccess({ projects }: Config, pools: SharedParts['pools']): Promise<ProjectAccess | null> {
  if (projects.accounts.size === 0) return null
  const open = (project: string) => pools.open(projectPool, project)
  await requireProjectRole(open(defaultProject))
  return { ...projects, open }
}

/** The channels to support, besides the log. */
const namesOf = ({ support: { webhook, email }, channels }: Config): string[] => [
  ...(webhook ? ['webhook'] : []),
  ...(email ? ['email'] : []),
  ...channels.map(({ name }) => name),
]

const webUiOf = ({ webUiUrl, temporal }: SystemOptions) =>
  webUiUrl === null ? null : { url: webUiUrl, namespace: temporal.namespace }
