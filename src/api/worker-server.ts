/** What a worker answers to those who run it: whether it lives, whether it works, and its figures. Nothing of an email. */
import Koa from 'koa'
import type { Logger } from 'pino'
import type { Database } from '../db/database.ts'
import type { Metrics } from '../metrics.ts'
import type { Lives } from '../temporal/lives.ts'
import { createKeyCheck } from './api-key.ts'
import { defaultDeadlines } from './deadlines.ts'
import { healthRoutes, serverChecks } from './health.ts'
import { metricsRoutes } from './metrics.ts'
import { answerProblems } from './problem.ts'
import { logRequests, withoutWords } from './request-log.ts'
import { createHttpServer, type HttpServer } from './server.ts'
import { refuseUnrouted } from './unrouted.ts'

export interface WorkerServerDependencies {
  readonly db: Database
  readonly lives: Pick<Lives, 'isReachable'>
  /** Whether it polls for work now. */
  readonly isWorking: () => boolean
  readonly metrics: Metrics
  /** Any of them opens `/metrics` to other machines. */
  readonly metricsKeys: readonly string[]
  readonly log: Logger
}

/** `/healthz`, `/readyz` and `/metrics` of a process that serves no API. */
export function createWorkerServer({ metrics, metricsKeys, log, ...parts }: WorkerServerDependencies): HttpServer {
  const app = new Koa()
  app.on('error', (error) => log.debug({ err: withoutWords(error) }, 'a response could not be written'))
  app.use(answerProblems(log))
  app.use(logRequests(log))
  app.use(healthRoutes({ ...serverChecks(parts), worker: async () => parts.isWorking() }).routes())
  app.use(metricsRoutes(metrics, createKeyCheck(metricsKeys)).routes())
  app.use(refuseUnrouted)
  return createHttpServer(app.callback(), defaultDeadlines)
}
