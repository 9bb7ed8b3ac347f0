/** An escalation as the API returns it, read from the database or after a command. */

/** Times are Dates from the database, or epoch milliseconds from workflows. */
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
