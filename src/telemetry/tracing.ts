/** The interface of tracing. Types only, so that OpenTelemetry is loaded only if tracing is on. */
import type { ClientInterceptors } from '@temporalio/client'
import type { Middleware } from 'koa'
import type pg from 'pg'
import type { InboxObserver } from '../inbox/create-inbox.ts'
import type { EmailWorkflows } from '../temporal/email-workflows.ts'
import type { WorkerTracing } from '../temporal/worker-tracing.ts'

export interface Tracing {
  /** Makes the request known to the spans of its events. */
  readonly requests: Middleware
  readonly inbox: InboxObserver
  /** Adds spans for messages to workflows. */
  emailWorkflows(emailWorkflows: EmailWorkflows): EmailWorkflows
  /** Adds spans for statements that run within a span. */
  traceStatements(pool: pg.Pool): void
  readonly clientInterceptors: ClientInterceptors
  readonly worker: WorkerTracing
  /** Sends the remaining spans. */
  stop(): Promise<void>
}
