/** When an endpoint of webhooks to applications raises an incident. */
import { type PauseReason, pauseReasons } from './endpoint.ts'
import type { Finding } from './rate-policy.ts'

/** An endpoint that was paused by itself. */
export interface FailedEndpoint {
  readonly id: string
  readonly reason: PauseReason
}

/** One finding for each. It ends when the endpoint is resumed or deleted. */
export const endpointFindings = (failed: readonly FailedEndpoint[]): Finding[] =>
  failed.map(({ id, reason }) => ({
    reason: 'endpoint_failing',
    scope: `endpoint:${id}`,
    level: 'raised',
    detail: `The endpoint ${id} is paused: it ${pauseReasons[reason]}. What it missed waits.`,
  }))
