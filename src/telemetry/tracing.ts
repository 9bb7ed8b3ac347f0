/** What the rest of the system sees of tracing. Types only: OpenTelemetry is loaded where it is turned on, and only then. */
import type { ClientInterceptors } from '@temporalio/client'
import type { InjectedSinks, WorkerInterceptors } from '@temporalio/worker'
import type { Middleware } from 'koa'
import type pg from 'pg'
import type { InboxObserver } from '../inbox/create-inbox.ts'
import type { Lives } from '../temporal/lives.ts'

/** What a worker needs so that its workflows and activities are traced. */
export interface WorkerTracing {
  readonly interceptors: WorkerInterceptors
  /** The workflow's own interceptors, for a bundle that is made at start. */
  readonly workflowModules: string[]
  // biome-ignore lint/suspicious/noExplicitAny: as the worker's options have it
  readonly sinks: InjectedSinks<any>
}

export interface Tracing {
  /** Remembers the request that events come with. */
  readonly requests: Middleware
  readonly inbox: InboxObserver
  /** Lives whose messages are spans of their email's trace. */
  lives(lives: Lives): Lives
  /** Makes spans of the statements that run within a span. */
  traceStatements(pool: pg.Pool): void
  readonly clientInterceptors: ClientInterceptors
  readonly worker: WorkerTracing
  /** Sends what is left. */
  stop(): Promise<void>
}
