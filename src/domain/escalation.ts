/** Escalations to support: open → acknowledged or snoozed → resolved. */
import { bounceOutcomeOf } from './delivery-facts.ts'
import type { FailureParty } from './failure.ts'
import { incidentReasons } from './incident.ts'
import { deliveredCountOf, deliveryOf, isSettled, type Snapshot } from './lifecycle.ts'
import type { LifecyclePolicy } from './stall-policy.ts'

export const emailEscalationReasons = ['stalled', 'critical_bounce', 'critical_complaint', 'recipient_unclear'] as const
export type EmailEscalationReason = (typeof emailEscalationReasons)[number]

export const escalationReasons = [...emailEscalationReasons, ...incidentReasons] as const
export type EscalationReason = (typeof escalationReasons)[number]

export const escalationStates = ['open', 'acknowledged', 'snoozed', 'resolved'] as const
export type EscalationState = (typeof escalationStates)[number]

/** Times in epoch milliseconds. An email has at most one escalation per reason. */
export interface Escalation {
  readonly reason: EscalationReason
  readonly state: EscalationState
  /** One sentence on why it was opened. Holds no address. */
  readonly detail: string
  readonly openedAt: number
  readonly acknowledgedAt: number | null
  readonly acknowledgedBy: string | null
  readonly snoozedUntil: number | null
  readonly resolvedAt: number | null
  readonly resolvedBy: string | null
  /** How many notices were sent to support. */
  readonly notices: number
  /** When the next notice is sent, unless the escalation is acted on; null for never. */
  readonly nextNoticeAt: number | null
  /**
   * The version of the stored state that this one follows; 0 if none is known to be stored. Undefined in runs that were started
   * before 0.4.0, until their next write: they write without comparing.
   */
  readonly version?: number | undefined
}

/** A notice that a channel has neither accepted nor finally refused, or a change that it does not show yet. */
export interface UndeliveredNotice {
  readonly reason: EscalationReason
  readonly notice: number
  readonly channel: string
  /** Of a change: the escalation's version after it. Absent for a notice. */
  readonly change?: number
}

/** An action on an escalation. `by` is a name or handle, never an address. */
export type EscalationCommand =
  | { readonly do: 'acknowledge'; readonly by: string }
  | { readonly do: 'snooze'; readonly by: string; readonly until: number }
  | { readonly do: 'resolve'; readonly by: string }

/** Opens an escalation: the first notice is due at once, the second if it is not acknowledged in time. */
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
    version: 0,
  }
}

/** Why `command` cannot be executed now, as a message to the caller; null if it can. */
export function refusalOf(escalation: Escalation | undefined, command: EscalationCommand, now: number): string | null {
  if (!escalation) return 'this email has no such escalation'
  if (escalation.state === 'resolved') return 'the escalation is already resolved'
  if (command.do === 'snooze' && command.until <= now) return 'an escalation must be snoozed until a time in the future'
  return null
}

/** Executes a command that {@link refusalOf} allows. */
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

/** The state when a further notice is due: the last one of an open escalation, or the end of a snooze. */
export function repeatNotice(escalation: Escalation): Escalation {
  return { ...escalation, state: 'open', snoozedUntil: null, notices: escalation.notices + 1, nextNoticeAt: null }
}

/** @param by a person's name, or the event that resolved it (`delivered`, `bounced`). */
export function resolveEscalation(escalation: Escalation, by: string, now: number): Escalation {
  return { ...escalation, state: 'resolved', resolvedAt: now, resolvedBy: by, snoozedUntil: null, nextNoticeAt: null }
}

/** Reasons that depend on the email's state alone. */
export type UrgentReason = Extract<EscalationReason, `critical_${string}`>

/** The reasons that open an escalation at once: a critical email will not be delivered, or was complained about. */
export function urgentReasons(snapshot: Snapshot): UrgentReason[] {
  if (snapshot.priority !== 'critical') return []
  const reasons: UrgentReason[] = []
  if (isUndeliverable(snapshot)) reasons.push('critical_bounce')
  if (snapshot.complainedAt !== null) reasons.push('critical_complaint')
  return reasons
}

const isUndeliverable = ({ bounce }: Snapshot): boolean =>
  bounce !== null && ['bounced', 'failed'].includes(bounceOutcomeOf(bounce))

const parties: Record<FailureParty, string> = {
  recipient: 'the recipient',
  sender: 'the sender',
  receiver: "the recipient's mail server",
  provider: 'the email provider',
  unknown: 'an unknown party',
}

/** One sentence on why an escalation is opened at once. Holds no address. */
export function urgentDetail(reason: UrgentReason, { bounce }: Snapshot): string {
  if (reason === 'critical_complaint') return 'The recipient of a critical email complained about it.'
  const failure = bounce?.failure
  const verb = failure?.outcome === 'failed' ? 'failed for good' : 'bounced permanently'
  if (!failure || failure.reason === 'unknown') return `A critical email ${verb}.`
  return `A critical email ${verb}: ${failure.reason.replaceAll('_', ' ')}, caused by ${parties[failure.party]}.`
}

/** Why a stall is escalated; with several recipients, also how many of them have the email. */
export function stallDetail(note: string, snapshot: Snapshot): string {
  const { delivered, recipients } = deliveredCountOf(snapshot)
  return recipients > 1 ? `${note} It was delivered to ${delivered} of ${recipients} recipients.` : note
}

/** How delivery settled, which resolves a stall; null if it has not. */
export function stallResolution(snapshot: Snapshot): 'delivered' | 'bounced' | 'failed' | null {
  if (!isSettled(snapshot)) return null
  const delivery = deliveryOf(snapshot)
  return delivery === 'bounced' || delivery === 'failed' ? delivery : 'delivered'
}
