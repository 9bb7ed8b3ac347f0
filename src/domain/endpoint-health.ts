/** What an attempt says of its delivery and of its endpoint. Pure. */
import {
  attemptDelayMs,
  failuresUntilProbing,
  isProbed,
  type PauseReason,
  pausedAfterFailingMs,
  probeDelayMs,
} from './endpoint.ts'

/** How the attempts on an endpoint went. Times are epoch milliseconds. */
export interface EndpointHealth {
  /** Since the last success: up to the number from which it is only probed, and then the probes. */
  readonly failures: number
  /** Null if the last attempt succeeded. */
  readonly firstFailedAt: number | null
  readonly lastSucceededAt: number | null
  /** Nothing is sent before; null: at once. */
  readonly notBefore: number | null
}

export interface Attempt {
  /** When it ended; epoch milliseconds. */
  readonly at: number
  /** Null: there was no answer. */
  readonly status: number | null
  /** What the answer asked for, in milliseconds. */
  readonly retryAfterMs: number | null
  /** The attempts that its delivery has had before it. */
  readonly earlier: number
  /** Whether the endpoint was only probed when it was sent. */
  readonly isProbe: boolean
}

export interface AttemptOutcome {
  readonly health: EndpointHealth
  readonly state: 'delivered' | 'pending' | 'failed'
  /** Whether it counts as an attempt of its delivery: a failed probe does not. */
  readonly isCounted: boolean
  /** Null unless it is pending. */
  readonly nextAttemptAt: number | null
  /** Why the endpoint is to be paused; null if it is not. */
  readonly pause: PauseReason | null
}

/** @param random from 0 to 1. */
export function outcomeOf(before: EndpointHealth, attempt: Attempt, random: number): AttemptOutcome {
  const { at, status } = attempt
  if (status !== null && status >= 200 && status < 300) {
    const health = { failures: 0, firstFailedAt: null, lastSucceededAt: at, notBefore: null }
    return { health, state: 'delivered', isCounted: true, nextAttemptAt: null, pause: null }
  }
  const health = afterFailure(before, attempt, random)
  // A pause keeps what waits, and this with it.
  const pause = status === 410 ? 'gone' : isFailingForLong(health, at) ? 'failing' : null
  if (attempt.isProbe || pause !== null)
    return { health, state: 'pending', isCounted: false, nextAttemptAt: health.notBefore ?? at, pause }
  const delayMs = attemptDelayMs(attempt.earlier + 1, random)
  if (delayMs === null && !isProbed(health.failures))
    return { health, state: 'failed', isCounted: true, nextAttemptAt: null, pause }
  const nextAttemptAt = Math.max(at + (delayMs ?? 0), health.notBefore ?? 0)
  return { health, state: 'pending', isCounted: delayMs !== null, nextAttemptAt, pause }
}

function afterFailure(before: EndpointHealth, { at, retryAfterMs, isProbe }: Attempt, random: number): EndpointHealth {
  // Those that were sent at once fail at once: without the limit, a burst would seem like a long outage.
  const failures = isProbe
    ? before.failures + 1
    : Math.max(before.failures, Math.min(before.failures + 1, failuresUntilProbing))
  const pauses = [
    retryAfterMs === null ? null : at + retryAfterMs,
    isProbed(failures) ? at + probeDelayMs(failures, random) : null,
    before.notBefore,
  ].filter((time) => time !== null)
  return {
    failures,
    firstFailedAt: before.firstFailedAt ?? at,
    lastSucceededAt: before.lastSucceededAt,
    notBefore: pauses.length === 0 ? null : Math.max(...pauses),
  }
}

const isFailingForLong = ({ firstFailedAt }: EndpointHealth, now: number): boolean =>
  firstFailedAt !== null && now - firstFailedAt >= pausedAfterFailingMs
