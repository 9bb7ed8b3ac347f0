/** The times in system logs. */

const [minuteMs, dayMs] = [60_000, 86_400_000]

/** `2026-11-30T22:52:03.123456+00:00` (RFC 3339, as rsyslog and journald write it). */
const complete = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)/

/** `Nov 30 22:52:03` (RFC 3164): local time, without a year. */
const traditional = /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d/

/**
 * The time at the beginning of a line; null if there is none. A time without a year is of the last twelve months.
 * @param now epoch milliseconds.
 * @returns ISO 8601 in UTC.
 */
export function syslogTimeIn(line: string, now: number): string | null {
  const [exact] = complete.exec(line) ?? []
  if (exact) return isoOf(Date.parse(exact.replace(',', '.').replace(/([+-]\d\d)(\d\d)$/, '$1:$2')))
  const [local] = traditional.exec(line) ?? []
  if (!local) return null
  const year = new Date(now + dayMs).getFullYear()
  const thisYear = Date.parse(`${local} ${year}`)
  // A clock may be a little ahead of the other.
  return isoOf(thisYear <= now + 10 * minuteMs ? thisYear : Date.parse(`${local} ${year - 1}`))
}

const isoOf = (at: number): string | null => (Number.isNaN(at) ? null : new Date(at).toISOString())
