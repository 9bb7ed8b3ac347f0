/** The HTTP API, put together: what a request passes, in order. */
import type Router from '@koa/router'
import Koa, { type Middleware } from 'koa'
import type { Logger } from 'pino'
import type { Database } from '../db/database.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { ChangeFeed } from '../live/change-feed.ts'
import type { Metrics } from '../metrics.ts'
import type { ProviderApi, WebhookSource } from '../providers/provider.ts'
import type { Lives } from '../temporal/lives.ts'
import { analyticsRoutes } from './analytics.ts'
import { createKeyCheck, requireKey } from './api-key.ts'
import { jsonBodyWithin } from './body.ts'
import { type Deadlines, defaultDeadlines } from './deadlines.ts'
import { emailRoutes } from './emails.ts'
import { escalationRoutes } from './escalations.ts'
import { createEventStreams, type EventStreams } from './event-streams.ts'
import { eventRoutes } from './events.ts'
import { healthDescriptions, healthRoutes, serverChecks } from './health.ts'
import { metricsDescription, metricsRoutes } from './metrics.ts'
import { answerProblems, Problem } from './problem.ts'
import { recipientRoutes } from './recipients.ts'
import { referenceRoutes } from './reference.ts'
import { logRequests, withoutWords } from './request-log.ts'
import { type Route, routerOf } from './route.ts'
import { sendRoutes } from './send.ts'
import { createHttpServer, type HttpServer } from './server.ts'
import { streamRoutes } from './stream.ts'
import { suppressionFileRoutes } from './suppression-files.ts'
import { suppressionRoutes } from './suppressions.ts'
import { refuseUnrouted } from './unrouted.ts'
import type { WebhookCounts } from './webhook-counts.ts'
import { takeWebhooks, webhookRoutes } from './webhooks.ts'

export interface ApiDependencies {
  readonly db: Database
  readonly inbox: Inbox
  readonly lives: Lives
  /** By what stands after `/webhooks/`: a provider's name, or that and an account's. */
  readonly webhooks: ReadonlyMap<string, WebhookSource>
  /** The providers that can be sent through, by name; the first is the default. */
  readonly providerApis: ReadonlyMap<string, ProviderApi>
  /** Any of them opens `/v1`. */
  readonly apiKeys: readonly string[]
  /** Any of them opens `/metrics` alone, as the API keys do too. Default none. */
  readonly metricsKeys?: readonly string[]
  /** What live streams are told from. */
  readonly changes: ChangeFeed
  /** Streams that are open, ended when the API closes. Default: of their own, 500 at most. */
  readonly streams?: EventStreams
  /** Counts what comes at `/webhooks`, for the alarms. */
  readonly webhookCounts?: Pick<WebhookCounts, 'count'>
  readonly metrics: Metrics
  /** The pages for people; null serves none. */
  readonly dashboard?: Router | null
  /** The first that every request passes, webhooks too. Default none. */
  readonly onRequest?: Middleware | null
  readonly log: Logger
  /** Epoch milliseconds. Default Date.now. */
  readonly clock?: () => number
  /** By which webhooks are received; default `clock`. */
  readonly receiptClock?: () => number
  /** Default {@link defaultDeadlines}. */
  readonly deadlines?: Partial<Deadlines>
}

export interface Api extends HttpServer {
  /** The request handler alone, for a server of another's making: deadlines are that server's then. */
  readonly callback: ReturnType<Koa['callback']>
}

/** Builds the API. It takes requests after `listen`. */
export function createApi(dependencies: ApiDependencies): Api {
  const {
    log,
    apiKeys,
    metricsKeys = [],
    clock = Date.now,
    receiptClock = clock,
    streams = createEventStreams(),
  } = dependencies
  const deadlines = { ...defaultDeadlines, ...dependencies.deadlines }
  const holdsKey = createKeyCheck(apiKeys)
  const app = new Koa()
  app.on('error', (error) => log.debug({ err: withoutWords(error) }, 'a response could not be written'))
  if (dependencies.onRequest) app.use(dependencies.onRequest)
  app.use(answerProblems(log))
  // Webhooks come by the thousand: they are taken before everything that only the others need.
  app.use(takeWebhooks({ ...dependencies, clock: receiptClock, deadlines }))
  app.use(logRequests(log))
  app.use(refuseBrokenEncoding)
  app.use(healthRoutes(serverChecks(dependencies)).routes())
  app.use(metricsRoutes(dependencies.metrics, createKeyCheck([...apiKeys, ...metricsKeys])).routes())
  const routes = v1Routes({ ...dependencies, clock, streams })
  const described = [...webhookRoutes, ...healthDescriptions, metricsDescription, ...routes]
  const served = [...referenceRoutes(described), ...routes]
  app.use(routerOf(served, requireKey(holdsKey), jsonBodyWithin(deadlines)).routes())
  if (dependencies.dashboard) app.use(dependencies.dashboard.routes())
  app.use(refuseUnrouted)
  const callback = app.callback()
  const server = createHttpServer(callback, deadlines)
  return {
    ...server,
    callback,
    // Streams would hold the server open for all of its grace.
    close(options) {
      streams.close()
      return server.close(options)
    },
  }
}

/** Where two match a path, the first one takes it. */
const v1Routes = (dependencies: ApiDependencies & { clock: () => number; streams: EventStreams }): Route[] => [
  ...emailRoutes(dependencies),
  ...sendRoutes(dependencies),
  ...streamRoutes(dependencies),
  ...suppressionFileRoutes(dependencies),
  ...suppressionRoutes(dependencies),
  ...escalationRoutes(dependencies),
  ...eventRoutes(dependencies),
  ...recipientRoutes(dependencies),
  ...analyticsRoutes(dependencies),
]

/** The router takes a path that it cannot decode as it stands; a `%` that means nothing is a mistake worth telling. */
const refuseBrokenEncoding: Middleware = (ctx, next) => {
  try {
    decodeURIComponent(ctx.path)
  } catch {
    throw new Problem(400, 'the path is not percent-encoded UTF-8')
  }
  return next()
}
