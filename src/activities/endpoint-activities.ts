/** The activities of the workflows of endpoints. Types only, since workflow code imports this file. */
import type { PauseReason } from '../domain/endpoint.ts'

interface DeliverInput {
  readonly endpointId: string
}

/** What one call of `deliver` did. */
export interface Delivered {
  /**
   * `continues`: the time of one call is over. `paused`, `deleted`: nothing is sent until the endpoint is resumed, or ever. `not_posted`: it
   * has no URL.
   */
  readonly end: 'continues' | 'paused' | 'deleted' | 'not_posted'
  /** Why it is paused. */
  readonly reason: PauseReason | null
  readonly delivered: number
  readonly failed: number
}

interface PauseInput {
  readonly endpointId: string
  readonly by: string
}

interface ResumeInput {
  readonly endpointId: string
  /** Whether what it missed is skipped. */
  readonly skip: boolean
}

/** Payloads, URLs and secrets stay in the worker: of an endpoint, Temporal knows its ID. */
export interface EndpointActivities {
  /**
   * Sends what is due and what becomes due, for ten minutes or until the endpoint is paused. Idempotent as far as HTTP allows: a repeat has the
   * same `webhook-id`.
   */
  deliver(input: DeliverInput): Promise<Delivered>
  /** Pauses the endpoint. Idempotent: one that is paused stays as it is. */
  pauseEndpoint(input: PauseInput): Promise<{ readonly hasChanged: boolean }>
  /** Resumes the endpoint. Idempotent: one that is active stays as it is. */
  resumeEndpoint(input: ResumeInput): Promise<{ readonly hasChanged: boolean }>
}
