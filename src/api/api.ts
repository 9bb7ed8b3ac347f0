import Koa, { type Middleware } from 'koa'
import { noDns } from '../domains/dns.ts'
import { createAddressGuard } from '../endpoints/address-guard.ts'
import { fixedKeys, type KeyRing, requireKey } from '../http/api-key.ts'
import { jsonBodyWithin, limitBodiesInFlight } from '../http/body.ts'
import { defaultDeadlines } from '../http/deadlines.ts'
import { createEventStreams } from '../http/event-streams.ts'
import { createFailedKeys } from '../http/failed-keys.ts'
import { answerProblems, Problem } from '../http/problem.ts'
import { referenceRoutes } from '../http/reference.ts'
import { logRequests, withoutMessage } from '../http/request-log.ts'
import { type Route, routerOf } from '../http/route.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import { refuseUnrouted } from '../http/unrouted.ts'
import { createReceiveMail } from '../mail/receive-mail.ts'
import { noEndpointWorkflows } from '../temporal/endpoints.ts'
import { noReconciliations } from '../temporal/reconciliations.ts'
import { handleWebhooks, webhookRoutes } from '../webhooks/webhooks.ts'
import { analyticsRoutes } from './analytics.ts'
import type { ApiDependencies } from './api-dependencies.ts'
import { auditRequests, auditRoutes } from './audit.ts'
import { bounceRoutes } from './bounces.ts'
import { channelRoutes } from './channels.ts'
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
import { createProjectParts, type ProjectParts } from './project-parts.ts'
import { recipientRoutes } from './recipients.ts'
import { reconciliationRoutes } from './reconciliations.ts'
import { sendRoutes } from './send.ts'
import { sentWebhooks } from './sent-webhooks.ts'
import { sessionRoutes } from './sessions.ts'
import { slackRoutes } from './slack-interactions.ts'
import { streamRoutes } from './stream.ts'
import { suppressionAgreementRoutes } from './suppression-agreement.ts'
import { suppressionFileRoutes } from './suppression-files.ts'
import { suppressionRoutes } from './suppressions.ts'

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
    dns = noDns,
    mappedProviders = [],
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
        ...{ endpointWorkflows, endpointGuard, dns, mappedProviders },
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
      | 'mappedProviders'
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
