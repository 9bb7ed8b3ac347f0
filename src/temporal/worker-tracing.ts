import type { InjectedSinks, WorkerInterceptors } from '@temporalio/worker'

/** What a worker needs to trace its workflows and activities. */
export interface WorkerTracing {
  readonly interceptors: WorkerInterceptors
  /** The modules of the workflow interceptors, for a bundle that is built at start. */
  readonly workflowModules: string[]
  // biome-ignore lint/suspicious/noExplicitAny: as the worker's options have it
  readonly sinks: InjectedSinks<any>
}
