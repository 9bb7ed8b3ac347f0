/** Which notices a channel of the team takes, and when: at once, or held for quiet hours and digests. */
import type { EscalationReason } from './escalation.ts'
import type { EmailKey, Priority } from './events.ts'
import { incidentIn, isIncidentReason } from './incident.ts'
import { projectOf } from './project.ts'

/** Daily, in a time zone; from the first minute of the day to before the second. They may pass midnight. */
export interface QuietHours {
  /** Minutes since midnight. */
  readonly from: number
  readonly to: number
  /** A name of the IANA database, as `Europe/Berlin`. */
  readonly timeZone: string
}

/** Null: no limit. */
export interface NoticeRouting {
  readonly reasons: ReadonlySet<string> | null
  /** Of emails; an incident passes, since it has none. */
  readonly priorities: ReadonlySet<Priority> | null
  readonly projects: ReadonlySet<string> | null
  readonly quietHours: QuietHours | null
  /** What is not urgent is collected for so many milliseconds, counted from midnight UTC. */
  readonly digestMs: number | null
}

export const everything: NoticeRouting = {
  reasons: null,
  priorities: null,
  projects: null,
  quietHours: null,
  digestMs: null,
}

export interface RoutedNotice extends EmailKey {
  readonly reason: EscalationReason
  readonly priority: Priority
}

export type NoticeRoute = { readonly do: 'send' | 'skip' } | { readonly do: 'hold'; readonly until: number }

/** @param now epoch milliseconds. */
export function routeOf(notice: RoutedNotice, routing: NoticeRouting, now: number): NoticeRoute {
  if (!isTaken(notice, routing)) return { do: 'skip' }
  if (isUrgent(notice)) return { do: 'send' }
  const { digestMs, quietHours } = routing
  const collectedAt = digestMs === null ? now : Math.ceil((now + 1) / digestMs) * digestMs
  const until = quietHours === null ? collectedAt : quietEnd(quietHours, collectedAt)
  return until > now ? { do: 'hold', until } : { do: 'send' }
}

function isTaken(notice: RoutedNotice, { reasons, priorities, projects }: NoticeRouting): boolean {
  return (
    (reasons === null || reasons.has(notice.reason)) &&
    (priorities === null || isIncidentReason(notice.reason) || priorities.has(notice.priority)) &&
    (projects === null || projects.has(projectOfNotice(notice)))
  )
}

/** An incident of a provider belongs to the project that the provider is stored for, any other to the default one. */
export function projectOfNotice(key: EmailKey): string {
  const incident = incidentIn(key)
  if (incident === null) return projectOf(key.provider)
  return projectOf(incident.scope.startsWith('provider:') ? incident.scope.slice('provider:'.length) : '')
}

/** What waits for nothing: a critical email, and every incident, since it is about sending as a whole. */
const isUrgent = ({ reason, priority }: RoutedNotice): boolean => priority === 'critical' || isIncidentReason(reason)

const minuteMs = 60_000
const dayMs = 86_400_000

/**
 * The end of the quiet hours that hold at a time; the time itself if none do. The clock's change in between counts: quiet hours end by the
 * clock on the wall.
 * @param at epoch milliseconds.
 */
export function quietEnd({ from, to, timeZone }: QuietHours, at: number): number {
  const wall = wallClock(timeZone, at)
  const minute = Math.floor((((wall % dayMs) + dayMs) % dayMs) / minuteMs)
  const passesMidnight = from > to
  const isQuiet = passesMidnight ? minute >= from || minute < to : minute >= from && minute < to
  if (!isQuiet) return at
  const midnight = Math.floor(wall / dayMs) * dayMs
  const end = midnight + to * minuteMs + (passesMidnight && minute >= from ? dayMs : 0)
  const guess = end - (wall - at)
  return end - (wallClock(timeZone, guess) - guess)
}

/** What the clock on the wall shows, as if it were in UTC; epoch milliseconds. */
function wallClock(timeZone: string, at: number): number {
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  })
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0
  const seconds = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
  return seconds + (((at % 1_000) + 1_000) % 1_000)
}
