/** What is recorded of an attempt. */
import type { DeliveryAttemptResult, DueDelivery } from '../db/deliveries.ts'
import { type PauseReason, retryAfterMs } from '../domain/endpoint.ts'
import { type EndpointHealth, outcomeOf } from '../domain/endpoint-health.ts'
import type { Answer } from './poster.ts'

export interface SentRequest {
  /** Epoch milliseconds. */
  readonly at: number
  /** Whether the endpoint was only probed. */
  readonly isProbe: boolean
}

export function resultOf(
  before: EndpointHealth,
  delivery: Pick<DueDelivery, 'id' | 'attempts'>,
  { status, durationMs, error, body, retryAfter }: Answer,
  { at, isProbe }: SentRequest,
): { readonly health: EndpointHealth; readonly pause: PauseReason | null; readonly result: DeliveryAttemptResult } {
  const now = Date.now()
  const attempt = { at: now, status, retryAfterMs: retryAfterMs(retryAfter, now), earlier: delivery.attempts, isProbe }
  const { health, pause, ...outcome } = outcomeOf(before, attempt, Math.random())
  return { health, pause, result: { deliveryId: delivery.id, at, status, durationMs, error, answer: body, ...outcome } }
}

/** Of a delivery from which no payload can be made. It says nothing of the endpoint. */
export const unwritable = ({ id }: Pick<DueDelivery, 'id'>, at: number): DeliveryAttemptResult => ({
  ...{ deliveryId: id, at, status: null, durationMs: 0, answer: null },
  error: 'the event cannot be written in the form of this release',
  ...{ state: 'failed', isCounted: true, nextAttemptAt: null },
})
