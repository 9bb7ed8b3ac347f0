/**
 * Watches the system itself: a backlog, refused requests to Temporal, failing workflows. Runs in every API and needs PostgreSQL
 * only, since the usual cause is that Temporal is down. Incidents are escalations, notified through the same channels.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Database } from '../db/database.ts'
import { readOldestPendingSeconds } from '../db/events.ts'
import {
  adoptSystemIncidents,
  claimMeasurement,
  confirmSystemIncidents,
  endSystemIncidents,
  repeatSystemNotices,
  startSystemIncident,
} from '../db/system-incidents.ts'
import { openEscalation } from '../domain/escalation.ts'
import type { AlarmPolicy } from '../domain/rate-policy.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import { type SystemFigures, type SystemFinding, systemFindings } from '../domain/system-policy.ts'
import type { SupportChannel } from '../notifications/channel.ts'
import type { TemporalStatus } from '../temporal/temporal-status.ts'
import { createNotifier } from './notifier.ts'

export interface SystemWatchOptions {
  readonly db: Database
  readonly channels: readonly SupportChannel[]
  /** For repeated notices. */
  readonly policy: LifecyclePolicy
  readonly alarms: Pick<AlarmPolicy, 'backlogAfterMs'>
  readonly temporalStatus: () => TemporalStatus
  /** The number of workflows with failing tasks; null if Temporal does not report it. Default: not checked. */
  readonly countFailingWorkflows?: () => Promise<number | null>
  /** Called after an escalation was stored or changed. */
  readonly onChange?: () => void
  readonly log: Pick<Logger, 'warn'>
  /** Epoch milliseconds. Default Date.now. */
  readonly clock?: () => number
  readonly timing?: Partial<SystemWatchTiming>
}

/** In milliseconds. */
interface SystemWatchTiming {
  /** Between two checks. */
  readonly everyMs: number
  /** An incident ends when no instance saw its cause for so long: one without signals to send sees no refusal. */
  readonly quietMs: number
  /** Between two counts of failing workflows by all instances: Temporal allows few such calls. */
  readonly countEveryMs: number
  readonly refusedAfterMs: number
}

const defaultTiming: SystemWatchTiming = {
  everyMs: 15_000,
  quietMs: 180_000,
  countEveryMs: 55_000,
  refusedAfterMs: 60_000,
}

export interface SystemWatch {
  /** Checks once: opens, ends and notifies. Idempotent; instances may check concurrently. */
  check(): Promise<void>
  close(): Promise<void>
}

/** Checks periodically until closed. */
export function watchSystem(options: SystemWatchOptions): SystemWatch {
  const { db, channels, log, onChange = () => {} } = options
  const timing = { ...defaultTiming, ...options.timing }
  const notifier = createNotifier(db, channels, log)
  const stopping = new AbortController()

  const check = async (): Promise<void> => {
    await adoptSystemIncidents(db)
    const findings = systemFindings(await measure(options, timing), { ...options.alarms, ...timing })
    const raised = findings.filter(({ level }) => level === 'raised')
    const opened = await Promise.all(raised.map((finding) => open(options, finding)))
    const seen = findings.filter(({ level }) => level !== 'clear').map(({ reason }) => reason)
    await confirmSystemIncidents(db, seen)
    const ended = await endSystemIncidents(db, timing.quietMs, seen)
    const repeated = await repeatSystemNotices(db)
    if (opened.includes(true) || ended + repeated > 0) onChange()
    await notifier.notify()
  }

  const run = async (): Promise<void> => {
    let failure: string | null = null
    while (!stopping.signal.aborted) {
      try {
        await check()
        failure = null
      } catch (error) {
        // Usually PostgreSQL does not answer, which /readyz reports.
        const reason = error instanceof Error ? error.name : String(error)
        if (reason !== failure) log.warn({ reason }, 'the check for incidents failed; it is retried')
        failure = reason
      }
      await sleep(timing.everyMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  const ended = run()
  return {
    check,
    async close() {
      stopping.abort()
      await ended
    },
  }
}

async function measure(
  { db, temporalStatus, countFailingWorkflows, clock = Date.now }: SystemWatchOptions,
  timing: SystemWatchTiming,
): Promise<SystemFigures> {
  const { state, since, detail } = temporalStatus()
  const isToCount =
    countFailingWorkflows !== undefined && (await claimMeasurement(db, 'workflow_tasks_failing', timing.countEveryMs))
  return {
    oldestPendingMs: (await readOldestPendingSeconds(db)) * 1_000,
    temporal: { state, forMs: since === null ? 0 : clock() - since, detail },
    ...(isToCount && { failingWorkflows: await countFailingWorkflows() }),
  }
}

function open(
  { db, policy, clock = Date.now }: SystemWatchOptions,
  { reason, detail }: SystemFinding,
): Promise<boolean> {
  const now = clock()
  return startSystemIncident(db, new Date(now).toISOString(), openEscalation(reason, detail, now, policy))
}
