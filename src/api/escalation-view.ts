/** An escalation as the API tells it, whether it was just commanded or read from the database. */

/** Times are Dates as stored, or epoch milliseconds as workflows have them. */
interface EscalationFacts {
  readonly id: string
  readonly reason: string
  readonly state: string
  readonly detail: string
  readonly openedAt: Date | number
  readonly acknowledgedAt: Date | number | null
  readonly acknowledgedBy: string | null
  readonly snoozedUntil: Date | number | null
  readonly resolvedAt: Date | number | null
  readonly resolvedBy: string | null
  readonly notices: number
}

/** Epoch milliseconds or a Date as ISO 8601; null stays null. */
export const isoTime = (at: Date | number | null): string | null => (at === null ? null : new Date(at).toISOString())

export const escalationViewOf = (escalation: EscalationFacts) => ({
  id: escalation.id,
  reason: escalation.reason,
  state: escalation.state,
  detail: escalation.detail,
  openedAt: isoTime(escalation.openedAt),
  acknowledgedAt: isoTime(escalation.acknowledgedAt),
  acknowledgedBy: escalation.acknowledgedBy,
  snoozedUntil: isoTime(escalation.snoozedUntil),
  resolvedAt: isoTime(escalation.resolvedAt),
  resolvedBy: escalation.resolvedBy,
  notices: escalation.notices,
})
