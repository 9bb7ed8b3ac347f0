/** When an incident of the system itself is raised. Pure. */
import type { SystemReason } from './incident.ts'
import { type AlarmLevel, levelOf } from './rate-policy.ts'

/** The figures of one instance. Times are in milliseconds. */
export interface SystemFigures {
  /** The age of the oldest pending event; 0 if there is none. */
  readonly oldestPendingMs: number
  readonly temporal: {
    readonly state: 'flowing' | 'away' | 'refused'
    /** The time for which it has been in this state. */
    readonly forMs: number
    readonly detail: string | null
  }
  /** Workflows whose task fails repeatedly; null if Temporal did not answer, undefined if it was not asked this time. */
  readonly failingWorkflows?: number | null
}

export interface SystemLimits {
  readonly backlogAfterMs: number
  /** A refusal may be temporary, for example while search attributes are registered. */
  readonly refusedAfterMs: number
}

export interface SystemFinding {
  readonly reason: SystemReason
  readonly level: AlarmLevel
  /** One sentence with the figures. */
  readonly detail: string
}

/** Compares the figures with the limits: one finding for each. */
export function systemFindings(figures: SystemFigures, limits: SystemLimits): SystemFinding[] {
  const { oldestPendingMs, temporal, failingWorkflows } = figures
  const isAway = temporal.state === 'away'
  const refusedForMs = temporal.state === 'refused' ? temporal.forMs : 0
  return [
    {
      reason: 'backlog',
      level: levelOf(oldestPendingMs, limits.backlogAfterMs),
      detail: `The oldest pending event has waited for ${lengthOf(oldestPendingMs)}.${isAway ? ' Temporal does not answer.' : ''}`,
    },
    {
      reason: 'temporal_refused',
      level: temporal.state !== 'refused' ? 'clear' : refusedForMs > limits.refusedAfterMs ? 'raised' : 'held',
      detail: `Temporal answers but refuses the requests${temporal.detail ? ` (${temporal.detail})` : ''}.`,
    },
    ...(failingWorkflows === undefined ? [] : [failingFinding(failingWorkflows)]),
  ]
}

function failingFinding(count: number | null): SystemFinding {
  const level = count === null ? 'held' : count > 0 ? 'raised' : 'clear'
  const what = count === 1 ? '1 workflow repeatedly fails at its' : `${count ?? 0} workflows repeatedly fail at their`
  return { reason: 'workflow_tasks_failing', level, detail: `${what} task and cannot continue.` }
}

const lengthOf = (ms: number): string =>
  ms < 120_000
    ? `${Math.floor(ms / 1_000)} seconds`
    : ms < 7_200_000
      ? `${Math.floor(ms / 60_000)} minutes`
      : `${Math.floor(ms / 3_600_000)} hours`
