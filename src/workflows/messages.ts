/** The workflows' inputs and messages. Each message says who sends it, and why it is a signal, an update or a query. */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow'
import type { StoredEmailState } from '../activities/lifecycle-activities.ts'
import type { Escalation, EscalationReason, UndeliveredNotice } from '../domain/escalation.ts'
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'
import type { Incident } from '../domain/incident.ts'
import type { DeliveryState, EmailStatus } from '../domain/lifecycle.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'

/** The input of an email's workflow. */
export interface EmailWorkflowInput extends EmailKey {
  readonly policy: LifecyclePolicy
  /** Set when the run continues a previous one as new. */
  readonly carried?: CarriedEmailState
}

/** What a run passes to the run that continues it. */
export interface CarriedEmailState extends StoredEmailState {
  /** Notices that were not delivered yet. */
  readonly untold: readonly UndeliveredNotice[]
  /** Events that were received and not applied. Absent before version 0.2. */
  readonly waiting?: readonly LifecycleEvent[]
}

/** Sent by the inbox with all pending events of the email. A signal: the events are stored already, and no answer is needed. */
export const eventsReceived = defineSignal<[readonly LifecycleEvent[]]>('eventsReceived')

/** Sent by people in the Web UI and by programs. A query: it reads the run's state, changes nothing and adds no history. */
export const status = defineQuery<EmailWorkflowStatus>('status')

/** The answer to {@link status}. Times are ISO 8601. */
export interface EmailWorkflowStatus {
  readonly status: EmailStatus
  readonly delivery: DeliveryState
  readonly priority: string
  readonly opens: number
  readonly clicks: number
  readonly waitingEvents: number
  readonly escalations: readonly { reason: EscalationReason; state: string }[]
  /** When the run acts next, unless it receives a message before. */
  readonly nextDeadline: string | null
}

/** Which escalation a person acts on, and who the person is: a name or handle, never an address. */
export interface EscalationTarget {
  readonly reason: EscalationReason
  readonly by: string
  /** Of an incident: which of its episodes. Clients before 0.4.0 omit it, and mean the open one. */
  readonly episode?: string
}

/** Sent by the API for a person who takes the escalation on. An update: the person waits for the new state, or for a refusal. */
export const acknowledgeEscalation = defineUpdate<Escalation, [EscalationTarget]>('acknowledgeEscalation')

/** Sent by the API for a person who asks for a notice at `until` (epoch milliseconds). An update, for the same reason. */
export const snoozeEscalation = defineUpdate<Escalation, [EscalationTarget & { until: number }]>('snoozeEscalation')

/** Sent by the API for a person who has solved the problem. An update, for the same reason. */
export const resolveEscalation = defineUpdate<Escalation, [EscalationTarget]>('resolveEscalation')

/** One episode of an incident, with its undelivered notices. */
export interface Episode {
  /** When it started. Each episode has an escalation of its own. */
  readonly episode: string
  readonly untold?: readonly UndeliveredNotice[]
}

/** The input of an incident's workflow. */
export interface IncidentInput extends Incident, Episode {
  readonly policy: LifecyclePolicy
  /** Earlier episodes with an undelivered notice. */
  readonly earlier?: readonly Episode[]
}

/** The state of an incident when it was last measured. */
export interface Measurement {
  readonly level: 'raised' | 'clear'
  readonly detail: string
  /** The episode that starts, if this measurement starts one. Clients before 0.4.0 omit it. */
  readonly episode?: string
}

/** Sent by the scheduled watch when an incident starts or ends. A signal: the watch needs no answer, and measures again soon. */
export const measured = defineSignal<[Measurement]>('measured')

/** What people filter by in the Web UI. Search attributes are never encrypted: none holds more than a domain. */
export const searchAttributes = {
  status: defineSearchAttributeKey('EmailStatus', SearchAttributeType.KEYWORD),
  priority: defineSearchAttributeKey('EmailPriority', SearchAttributeType.KEYWORD),
  recipientDomain: defineSearchAttributeKey('RecipientDomain', SearchAttributeType.KEYWORD),
  provider: defineSearchAttributeKey('Provider', SearchAttributeType.KEYWORD),
} as const

/** Sent by the API when a person has asked for a run of `reconcile`. A signal: the run is stored, and a workflow that has it cannot complete before it looks. */
export const runAsked = defineSignal('runAsked')
