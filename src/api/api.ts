/** Assembles the HTTP API: its middlewares in the order in which a request passes them. */
import type Router from '@koa/router'
import Koa, { type Middleware } from 'koa'
import type { Logger } from 'pino'
import type { Database } from '../db/database.ts'
import { type DnsText, noDnsText } from '../domains/dns-text.ts'
import { type AddressGuard, createAddressGuard } from '../endpoints/address-guard.ts'
import { fixedKeys, type KeyRing, requireKey } from '../http/api-key.ts'
import { jsonBodyWithin, limitBodiesInFlight } from '../http/body.ts'
import { type Deadlines, defaultDeadlines } from '../http/deadlines.ts'
import { createEventStreams, type EventStreams } from '../http/event-streams.ts'
import { createFailedKeys } from '../http/failed-keys.ts'
import { answerProblems, Problem } from '../http/problem.ts'
import { referenceRoutes } from '../http/reference.ts'
import { logRequests, withoutMessage } from '../http/request-log.ts'
import { type Route, routerOf } from '../http/route.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import { refuseUnrouted } from '../http/unrouted.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { ChangeFeed } from '../live/change-feed.ts'
import { createReceiveMail, type ReceiveMail } from '../mail/receive-mail.ts'
import type { Metrics } from '../metrics.ts'
import type { WebhookSource } from '../providers/provider.ts'
import type { ProviderApi } from '../providers/provider-api.ts'
import type { EmailWorkflows } from '../temporal/email-workflows.ts'
import { type EndpointWorkflows, noEndpointWorkflows } from '../temporal/endpoints.ts'
import { noReconciliations, type Reconciliations } from '../temporal/reconciliations.ts'
import type { TemporalStatus } from '../temporal/temporal-status.ts'
import type { WebhookCounts } from '../webhooks/webhook-counts.ts'
import { handleWebhooks, webhookRoutes } from '../webhooks/webhooks.ts'
import { analyticsRoutes } from './analytics.ts'
import { auditRequests, auditRoutes } from './audit.ts'
import { bounceRoutes } from './bounces.ts'
import { channelRoutes, type TeamChannel } from './channels.ts'
import { domainRoutes } from './domains.ts'
import { emailRoutes } from './emails.ts'
import { endpointDeliveryRoutes } from './endpoint-deliveries.ts'
import { endpointRoutes } from './endpoints.ts'
import { escalationRoutes } from './escalations.ts'
import { eventRoutes } from './events.ts'
import { apiReadiness, healthDescriptions, healthRoutes } from './health.ts'
import { createKeyRing } from './key-ring.ts'
import { keyRoutes } from './keys.ts'
import { metricsDescription, metricsRoutes } from './metrics.ts'
import { problemOf } from './problems.ts'
import { createProjectParts, type ProjectAccess, type ProjectParts } from './project-parts.ts'
import { recipientRoutes } from './recipients.ts'
import { reconciliationRoutes } from './reconciliations.ts'
import { sendRoutes } from './send.ts'
import { sentWebhooks } from './sent-webhooks.ts'
import { sessionRoutes } from './sessions.ts'
import { type SlackApp, slackRoutes } from './slack-interactions.ts'
import { streamRoutes } from './stream.ts'
import { suppressionAgreementRoutes } from './suppression-agreement.ts'
import { suppressionFileRoutes } from './suppression-files.ts'
import { suppressionRoutes } from './suppressions.ts'

export interface ApiDependencies {
  /** For reads by people and programs: see `readPool`. */
  readonly db: Database
  /** For requests that an application makes as it sends, and for readiness: see `receiptPool`. Default `db`. */
  readonly receiptDb?: Database
  readonly inbox: Inbox
  readonly emailWorkflows: EmailWorkflows
  /** By the path after `/webhooks/`: a provider, or a provider and an account. */
  readonly webhooks: ReadonlyMap<string, WebhookSource>
  /** Default: emails are found by Message-ID alone, and DMARC reports are not stored. */
  readonly receiveMail?: ReceiveMail
  /** The providers to send through, by name; the first is the default. */
  readonly providerApis: ReadonlyMap<string, ProviderApi>
  /** Default: none can be started. */
  readonly reconciliations?: Reconciliations
  /** Default: none can be started. */
  readonly endpointWorkflows?: EndpointWorkflows
  /** Where webhooks may be sent to. Default: public addresses, by https. */
  readonly endpointGuard?: Pick<AddressGuard, 'checkedUrl'>
  /** Asked for what sending domains publish. Default: DNS is not asked. */
  readonly dns?: DnsText
  /** Keys of the environment for `/v1`, which allow everything. */
  readonly apiKeys: readonly string[]
  /** Keys for `/metrics` only, besides the API keys. Default none. */
  readonly metricsKeys?: readonly string[]
  /** See `clientAddressOf`. Default 1. */
  readonly proxyHops?: number
  /** The source of live streams. */
  readonly changes: ChangeFeed
  /** Open streams, ended when the API closes. Default: at most 500 of its own. */
  readonly streams?: EventStreams
  /** Counts webhooks, for the alarms. */
  readonly webhookCounts?: Pick<WebhookCounts, 'count'>
  readonly metrics: Metrics
  /** Whether Temporal accepts signals. Default: it does. */
  readonly temporalStatus?: () => TemporalStatus
  /** Whether this process's worker polls, reported by readiness. Null, the default: it has none. */
  readonly isWorking?: (() => boolean) | null
  /** One of CHANNELS each. Default: none. */
  readonly teamChannels?: readonly TeamChannel[]
  /** The Slack apps whose buttons are answered. Default: none. */
  readonly slackApps?: readonly SlackApp[]
  /** Null: no dashboard is served. */
  readonly dashboard?: Router | null
  /** Null, the default: there is one project. */
  readonly projects?: ProjectAccess | null
  /** Runs first on every request, webhooks included. Default none. */
  readonly onRequest?: Middleware | null
  readonly log: Logger
  /** Epoch milliseconds. Default Date.now. */
  readonly clock?: () => number
  /** For receipt times. Default `clock`. */
  readonly receiptClock?: () => number
  /** See {@link limitBodiesInFlight}. */
  readonly maxBodyBytes?: number
  /** Default {@link defaultDeadlines}. */
  readonly deadlines?: Partial<Deadlines>
}

export interface Api extends HttpServer {
  /** The request handler alone, for a server with its own deadlines. */
  readonly callback: ReturnType<Koa['callback']>
}

/** Wrong keys of one address: more than at the sign-in, since a program with a replaced key goes on until somebody notices. */
const wrongKeyLimit = { burst: 60, refillMs: 1_000 }

/** Builds the API, which serves after `listen`. */
export function createApi(dependencies: ApiDependencies): Api {
  const {
    log,
    apiKeys,
    receiptDb = dependencies.db,
    metricsKeys = [],
    proxyHops = 1,
    clock = Date.now,
    receiptClock = clock,
    streams = createEventStreams(),
    reconciliations = noReconciliations,
    teamChannels = [],
    slackApps = [],
    endpointWorkflows = noEndpointWorkflows,
    endpointGuard = createAddressGuard([]),
    dns = noDnsText,
  } = dependencies
  const deadlines = { ...defaultDeadlines, ...dependencies.deadlines }
  const ring = createKeyRing(dependencies.db, apiKeys, clock)
  const failedKeys = createFailedKeys({ ...wrongKeyLimit, proxyHops, clock })
  const app = new Koa()
  app.on('error', (error) => log.debug({ err: withoutMessage(error) }, 'a response could not be written'))
  if (dependencies.onRequest) app.use(dependencies.onRequest)
  app.use(answerProblems(log, problemOf))
  app.use(limitBodiesInFlight(dependencies.maxBodyBytes))
  // Webhooks are the most frequent requests: they skip what only the others need.
  const mailParts = { ...dependencies, db: receiptDb, clock: receiptClock, returnPaths: [] }
  const { receiveMail = createReceiveMail(mailParts) } = dependencies
  app.use(handleWebhooks({ ...dependencies, receiveMail, clock: receiptClock, deadlines }))
  app.use(logRequests(log))
  app.use(refuseBrokenEncoding)
  app.use(auditRequests({ db: dependencies.db, log, proxyHops, problemOf }))
  app.use(healthRoutes(apiReadiness({ ...dependencies, db: receiptDb })).routes())
  app.use(metricsRoutes(dependencies.metrics, fixedKeys([...apiKeys, ...metricsKeys])).routes())
  app.use(
    routerOf(
      servedRoutes({
        ...dependencies,
        ...{ receiptDb, keys: ring, clock, streams, reconciliations, teamChannels, slackApps },
        ...{ endpointWorkflows, endpointGuard, dns },
      }),
      (needed) => requireKey(ring, { needed, failedKeys }),
      jsonBodyWithin(deadlines),
    ).routes(),
  )
  if (dependencies.dashboard) app.use(dependencies.dashboard.routes())
  app.use(refuseUnrouted)
  const callback = app.callback()
  const server = createHttpServer(callback, deadlines)
  return {
    ...server,
    callback,
    // Open streams would delay the close until `graceMs`.
    close(options) {
      streams.close()
      return server.close(options)
    },
  }
}

type ServedDependencies = ApiDependencies &
  Required<
    Pick<
      ApiDependencies,
      | 'receiptDb'
      | 'clock'
      | 'streams'
      | 'reconciliations'
      | 'teamChannels'
      | 'slackApps'
      | 'endpointWorkflows'
      | 'endpointGuard'
      | 'dns'
    >
  > & {
    readonly keys: KeyRing
  }
type V1Dependencies = ServedDependencies & ProjectParts

/** The routes with what they work with, composed when the first caller of a project comes. */
function servedRoutes(dependencies: ServedDependencies): (project: string | null) => readonly Route[] {
  const partsOf = createProjectParts(dependencies, dependencies.projects ?? null)
  const ofAll = v1Routes(partsOf(null))
  const described = [...webhookRoutes, ...healthDescriptions, metricsDescription, ...ofAll]
  const reference = referenceRoutes(described, sentWebhooks)
  const composed = new Map<string | null, readonly Route[]>([[null, [...reference, ...ofAll]]])
  return (project) => {
    const routes = composed.get(project) ?? [...reference, ...v1Routes(partsOf(project))]
    composed.set(project, routes)
    return routes
  }
}

/** In order: the first route that matches a path handles it. */
const v1Routes = (dependencies: V1Dependencies): Route[] => [
  ...emailRoutes(dependencies),
  ...sendRoutes({ ...dependencies, db: dependencies.receiptDb }),
  ...streamRoutes(dependencies),
  ...suppressionFileRoutes(dependencies),
  ...suppressionAgreementRoutes(dependencies),
  ...suppressionRoutes(dependencies),
  ...bounceRoutes(dependencies),
  ...escalationRoutes(dependencies),
  ...eventRoutes(dependencies),
  ...recipientRoutes(dependencies),
  ...reconciliationRoutes(dependencies),
  ...analyticsRoutes(dependencies),
  ...domainRoutes(dependencies),
  ...endpointRoutes(dependencies),
  ...endpointDeliveryRoutes(dependencies),
  ...keyRoutes(dependencies),
  ...sessionRoutes(dependencies),
  ...auditRoutes(dependencies),
  ...channelRoutes(dependencies),
  ...slackRoutes(dependencies),
]

/** Without this, the router would match a path that it cannot decode literally. */
const refuseBrokenEncoding: Middleware = (ctx, next) => {
  try {
    decodeURIComponent(ctx.path)
  } catch {
    throw new Problem(400, 'the path must be percent-encoded UTF-8')
  }
  return next()
}
