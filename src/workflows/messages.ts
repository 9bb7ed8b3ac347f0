/** What may be said to an email's workflow, and what it may be asked. */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow'
import type { StoredLife } from '../activities/lifecycle-activities.ts'
import type { Escalation, EscalationReason } from '../domain/escalation.ts'
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'
import type { DeliveryState, EmailStatus } from '../domain/lifecycle.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'

/** What a life starts with. */
export interface LifeInput extends EmailKey {
  readonly policy: LifecyclePolicy
  /** Set when the run continues an older one as new. */
  readonly carried?: CarriedLife
}

/** What a run hands to the one that continues it. */
export interface CarriedLife extends StoredLife {
  /** Notices that support has not been told yet. */
  readonly untold: readonly UntoldNotice[]
  /** Events that the run had heard and not applied. None before version 0.2. */
  readonly waiting?: readonly LifecycleEvent[]
}

/** One notice on one channel. */
export interface UntoldNotice {
  readonly reason: EscalationReason
  readonly notice: number
  readonly channel: string
}

/** Sent by the inbox with every event that waits for this email. A signal: the sender has made it durable already. */
export const eventsReceived = defineSignal<[readonly LifecycleEvent[]]>('eventsReceived')

/** Asked by people in the Web UI and by programs: where this life stands, without a look at the database. */
export const status = defineQuery<LifeStatus>('status')

/** The answer to {@link status}. Times are ISO 8601. */
export interface LifeStatus {
  readonly status: EmailStatus
  readonly delivery: DeliveryState
  readonly priority: string
  readonly opens: number
  readonly clicks: number
  readonly waitingEvents: number
  readonly escalations: readonly { reason: EscalationReason; state: string }[]
  /** When this life looks up next, unless it hears something before. */
  readonly nextDeadline: string | null
}

/** Which escalation a person means, and who that is: a name or handle, never an address. */
export interface EscalationTarget {
  readonly reason: EscalationReason
  readonly by: string
}

/** Sent by the API for a person who takes care of it. An update: the person waits to see it accepted or refused. */
export const acknowledgeEscalation = defineUpdate<Escalation, [EscalationTarget]>('acknowledgeEscalation')

/** Sent by the API for a person who wants to be told again at `until` (epoch milliseconds). An update, as above. */
export const snoozeEscalation = defineUpdate<Escalation, [EscalationTarget & { until: number }]>('snoozeEscalation')

/** Sent by the API for a person who has dealt with it. An update, as above. */
export const resolveEscalation = defineUpdate<Escalation, [EscalationTarget]>('resolveEscalation')

/** What people filter by in the Web UI. Search attributes are never encrypted: none holds more than a domain. */
export const searchAttributes = {
  status: defineSearchAttributeKey('EmailStatus', SearchAttributeType.KEYWORD),
  priority: defineSearchAttributeKey('EmailPriority', SearchAttributeType.KEYWORD),
  recipientDomain: defineSearchAttributeKey('RecipientDomain', SearchAttributeType.KEYWORD),
  provider: defineSearchAttributeKey('Provider', SearchAttributeType.KEYWORD),
} as const
