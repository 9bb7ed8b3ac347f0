/** What support is asked to look at, and what people may do about it: open → acknowledged or snoozed → resolved. */
import { incidentReasons } from './incident.ts'
import { deliveryOf, isSettled, type Snapshot } from './lifecycle.ts'
import type { LifecyclePolicy } from './stall-policy.ts'

export const emailEscalationReasons = ['stalled', 'critical_bounce', 'critical_complaint', 'recipient_unclear'] as const
export type EmailEscalationReason = (typeof emailEscalationReasons)[number]

/** What an email, or sending as a whole, may be escalated for. */
export const escalationReasons = [...emailEscalationReasons, ...incidentReasons] as const
export type EscalationReason = (typeof escalationReasons)[number]

export const escalationStates = ['open', 'acknowledged', 'snoozed', 'resolved'] as const
export type EscalationState = (typeof escalationStates)[number]

/** Times in epoch milliseconds. An email has at most one escalation per reason. */
export interface Escalation {
  readonly reason: EscalationReason
  readonly state: EscalationState
  /** One sentence for people on why it was opened. Carries no address. */
  readonly detail: string
  readonly openedAt: number
  readonly acknowledgedAt: number | null
  readonly acknowledgedBy: string | null
  readonly snoozedUntil: number | null
  readonly resolvedAt: number | null
  readonly resolvedBy: string | null
  /** How many times support was told. */
  readonly notices: number
  /** When support is told again unless somebody acts; null for never. */
  readonly nextNoticeAt: number | null
}

/** What a person does to an escalation. `by` is a name or handle, never an address. */
export type EscalationCommand =
  | { readonly do: 'acknowledge'; readonly by: string }
  | { readonly do: 'snooze'; readonly by: string; readonly until: number }
  | { readonly do: 'resolve'; readonly by: string }

/** Opened now, with its first notice due at once and a second one if nobody acknowledges. */
export function openEscalation(
  reason: EscalationReason,
  detail: string,
  now: number,
  policy: LifecyclePolicy,
): Escalation {
  return {
    reason,
    state: 'open',
    detail,
    openedAt: now,
    acknowledgedAt: null,
    acknowledgedBy: null,
    snoozedUntil: null,
    resolvedAt: null,
    resolvedBy: null,
    notices: 1,
    nextNoticeAt: now + policy.escalationRepeatAfterMs,
  }
}

/** Why `command` cannot be carried out now, in words for the person who tried; null if it can. */
export function refusalOf(escalation: Escalation | undefined, command: EscalationCommand, now: number): string | null {
  if (!escalation) return 'this email has no such escalation'
  if (escalation.state === 'resolved') return 'the escalation is already resolved'
  if (command.do === 'snooze' && command.until <= now) return 'an escalation can only be snoozed into the future'
  return null
}

/** Carries out a command that {@link refusalOf} has nothing against. */
export function commandEscalation(escalation: Escalation, command: EscalationCommand, now: number): Escalation {
  switch (command.do) {
    case 'acknowledge':
      return {
        ...escalation,
        state: 'acknowledged',
        acknowledgedAt: escalation.acknowledgedAt ?? now,
        acknowledgedBy: escalation.acknowledgedBy ?? command.by,
        snoozedUntil: null,
        nextNoticeAt: null,
      }
    case 'snooze':
      return { ...escalation, state: 'snoozed', snoozedUntil: command.until, nextNoticeAt: command.until }
    case 'resolve':
      return resolveEscalation(escalation, command.by, now)
  }
}

/** Support is told again: the last time for an open one, and the waking of a snoozed one. */
export function repeatNotice(escalation: Escalation): Escalation {
  return { ...escalation, state: 'open', snoozedUntil: null, notices: escalation.notices + 1, nextNoticeAt: null }
}

/** Resolved by a person's name, or by the event that made it moot (`delivered`, `bounced`). */
export function resolveEscalation(escalation: Escalation, by: string, now: number): Escalation {
  return { ...escalation, state: 'resolved', resolvedAt: now, resolvedBy: by, snoozedUntil: null, nextNoticeAt: null }
}

/** Reasons that the email's state alone gives, without a clock or a person. */
export type UrgentReason = Extract<EscalationReason, `critical_${string}`>

/** The reasons for which the email's state alone calls support at once: a critical email refused or complained about. */
export function urgentReasons(snapshot: Snapshot): UrgentReason[] {
  if (snapshot.priority !== 'critical') return []
  const reasons: UrgentReason[] = []
  if (snapshot.bounce?.class === 'hard') reasons.push('critical_bounce')
  if (snapshot.complainedAt !== null) reasons.push('critical_complaint')
  return reasons
}

/** What made a stall moot: how delivery settled; null while it has not. */
export function stallResolution(snapshot: Snapshot): 'delivered' | 'bounced' | null {
  if (!isSettled(snapshot)) return null
  return deliveryOf(snapshot) === 'bounced' ? 'bounced' : 'delivered'
}
