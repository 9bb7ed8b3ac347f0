/** What webhooks to endpoints contain, version 2026-12. Times are ISO 8601 texts. */
import type { EmailStatus, Engagement, Failure, Priority, Suppression } from './types.ts'

export type EmailEventType =
  | 'email.queued'
  | 'email.sending'
  | 'email.sent'
  | 'email.delivered'
  | 'email.deferred'
  | 'email.bounced'
  | 'email.failed'
  | 'email.opened'
  | 'email.clicked'
  | 'email.complained'

export type SubscriptionEventType = 'recipient.unsubscribed' | 'recipient.resubscribed'
export type SuppressionEventType = 'recipient.suppressed' | 'recipient.unsuppressed'
export type EscalationEventType =
  | 'escalation.opened'
  | 'escalation.acknowledged'
  | 'escalation.snoozed'
  | 'escalation.resolved'

/** How a failure was judged. Null where an older version judged it. */
export interface WebhookFailure {
  readonly class: 'hard' | 'soft' | null
  readonly code: string | null
  /** The server's documentation lists them: docs/failures.md. */
  readonly reason: string | null
  /** Who caused it, and so who must act. */
  readonly party: Failure['party'] | null
  /** Whether the address refuses mail, this email will not arrive for another reason, the provider still tries, or nothing failed. */
  readonly outcome: 'bounced' | 'failed' | 'deferred' | 'none' | null
}

/** The provider's event, in one form for all providers. */
export interface WebhookProviderEvent {
  readonly id: string
  readonly type: string
  readonly provider: string
  /** By the provider's clock. */
  readonly occurredAt: string
  readonly receivedAt: string
  /** Null if the event names nobody, or the address was erased. */
  readonly recipient: string | null
  readonly failure: (WebhookFailure & { readonly message: string | null }) | null
  /** Of opens and clicks: whether a person likely made it. */
  readonly human: boolean | null
  /** What the receiving server answered to a delivered email. */
  readonly response: string | null
  /** The list that the recipient left or joined. */
  readonly list: string | null
}

/** The email after the event. Recipients and subject are as they are known when it is sent. */
export interface WebhookEmail {
  readonly id: string
  /** The application's own ID. */
  readonly externalId: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly provider: string
  readonly to: readonly string[]
  readonly subject: string | null
  readonly tags: readonly string[]
  readonly status: EmailStatus
  readonly delivery: string
  readonly priority: Priority
  readonly registeredAt: string | null
  readonly scheduledFor: string | null
  readonly queuedAt: string | null
  readonly sendingAt: string | null
  readonly sentAt: string | null
  readonly deliveredAt: string | null
  readonly bouncedAt: string | null
  readonly complainedAt: string | null
  readonly failure: WebhookFailure | null
  readonly opens: Engagement
  readonly clicks: Engagement
}

export interface WebhookEscalation {
  readonly id: string
  readonly reason: string
  readonly state: string
  /** One sentence, without addresses. */
  readonly detail: string | null
  readonly openedAt: string
  readonly acknowledgedAt: string | null
  readonly snoozedUntil: string | null
  readonly resolvedAt: string | null
}

export interface WebhookSuppression {
  readonly id: string
  /** Null if it was erased since. */
  readonly address: string | null
  readonly reason: NonNullable<Suppression['reason']>
  readonly createdAt: string
  readonly removedAt: string | null
}

interface Webhook<Type extends string, Data> {
  /** The `webhook-id`: the same in every repeat. Remember it to process each event once. */
  readonly id: string
  readonly type: Type
  readonly apiVersion: '2026-12'
  /** When the state changed. */
  readonly createdAt: string
  readonly project: string
  readonly data: Data
}

interface EmailChange {
  readonly event: WebhookProviderEvent
  readonly email: WebhookEmail
}

/** Distinguished by `type`. Ignore types that you do not know: later versions may add some. */
export type WebhookEvent =
  | Webhook<EmailEventType, EmailChange>
  | Webhook<'email.stalled', { readonly email: WebhookEmail; readonly escalation: WebhookEscalation }>
  | Webhook<SubscriptionEventType, EmailChange>
  | Webhook<SuppressionEventType, { readonly suppression: WebhookSuppression; readonly email: WebhookEmail | null }>
  | Webhook<EscalationEventType, { readonly escalation: WebhookEscalation; readonly email: WebhookEmail | null }>
  | Webhook<'endpoint.test', object>

export type WebhookEventType = WebhookEvent['type']
