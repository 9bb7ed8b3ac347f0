/** The HTTP server of a worker: liveness, readiness and metrics, no data of emails. */
import Koa from 'koa'
import type { Logger } from 'pino'
import type { Database } from '../db/database.ts'
import { fixedKeys } from '../http/api-key.ts'
import { defaultDeadlines } from '../http/deadlines.ts'
import { answerProblems } from '../http/problem.ts'
import { logRequests, withoutMessage } from '../http/request-log.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import { refuseUnrouted } from '../http/unrouted.ts'
import type { Metrics } from '../metrics.ts'
import type { EmailWorkflows } from '../temporal/email-workflows.ts'
import { healthRoutes, workerReadiness } from './health.ts'
import { metricsRoutes } from './metrics.ts'
import { problemOf } from './problems.ts'

export interface WorkerServerDependencies {
  readonly db: Database
  readonly emailWorkflows: Pick<EmailWorkflows, 'isReachable'>
  /** Whether the worker polls now. */
  readonly isWorking: () => boolean
  readonly metrics: Metrics
  /** Keys for requests to `/metrics` from other machines. */
  readonly metricsKeys: readonly string[]
  readonly log: Logger
}

/** Serves `/healthz`, `/readyz` and `/metrics`. */
export function createWorkerServer({ metrics, metricsKeys, log, ...parts }: WorkerServerDependencies): HttpServer {
  const app = new Koa()
  app.on('error', (error) => log.debug({ err: withoutMessage(error) }, 'a response could not be written'))
  app.use(answerProblems(log, problemOf))
  app.use(logRequests(log))
  app.use(healthRoutes(workerReadiness(parts, parts.isWorking)).routes())
  app.use(metricsRoutes(metrics, fixedKeys(metricsKeys)).routes())
  app.use(refuseUnrouted)
  return createHttpServer(app.callback(), defaultDeadlines)
}
