/** The messages of the workflows of endpoints. Each says who sends it, and why it is a signal, an update or a query. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow'
import type { PauseReason } from '../domain/endpoint.ts'

/** The activities' task queue. Their workflows run on the emails' one: they have hardly a task. */
export const endpointsTaskQueue = 'endpoints'

export interface EndpointInput {
  readonly endpointId: string
  /** By the runs that this one continues. */
  readonly delivered?: number
}

/** Sent by the API when an endpoint was resumed, changed or deleted. A signal: the database has the change, and no answer is needed. */
export const endpointChanged = defineSignal('endpointChanged')

/** Sent by people in the Web UI and by programs. An update: the person waits until it is stored. `by` is a name, never an address. */
export const pauseEndpoint = defineUpdate<{ readonly hasChanged: boolean }, [{ readonly by: string }]>('pauseEndpoint')

/** Sent likewise. With `skip`, what the endpoint missed is skipped; else it is sent, in order. */
export const resumeEndpoint = defineUpdate<{ readonly hasChanged: boolean }, [{ readonly skip?: boolean }]>(
  'resumeEndpoint',
)

export interface EndpointStatus {
  readonly state: 'active' | 'paused' | 'deleted' | 'not_posted'
  readonly reason: PauseReason | null
  readonly delivered: number
  /** Within the last call that has ended. */
  readonly failedAttempts: number
}

/** Sent by people in the Web UI. A query: it changes nothing and adds no history. Its counts are those of the last activity that has ended. */
export const endpointStatus = defineQuery<EndpointStatus>('status')
