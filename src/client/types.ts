/** The types of the API's requests and responses. Times are ISO 8601 texts. */

export type Priority = 'critical' | 'normal' | 'bulk'

export type EmailStatus =
  | 'complained'
  | 'bounced'
  | 'failed'
  | 'clicked'
  | 'opened'
  | 'delivered'
  | 'partly_delivered'
  | 'deferred'
  | 'sent'
  | 'sending'
  | 'queued'

/** Opens or clicks; `human` counts those that are likely by a person. */
export interface Engagement {
  readonly total: number
  readonly human: number
  readonly firstAt: string | null
  readonly lastAt: string | null
}

/** Why a delivery failed or is deferred. The server's documentation lists the reasons: docs/failures.md. */
export interface Failure {
  readonly reason: string
  /** Who caused it, and so who must act. */
  readonly party: 'recipient' | 'sender' | 'receiver' | 'provider' | 'unknown'
  /** Whether the same message would fail again; null if the event that says it was deleted. */
  readonly isFinal: boolean | null
  readonly code: string | null
  /** The line of the receiver's reply that decided, without addresses. */
  readonly evidence: string | null
  /** The ID of the rule that decided. */
  readonly rule: string | null
}

/** What became of an email for one recipient. */
export interface EmailRecipient {
  /** Normalised: without display name, in lower case. */
  readonly address: string
  readonly status: EmailStatus
  readonly delivery: string
  readonly failure: Failure | null
  readonly opens: Engagement
  readonly clicks: Engagement
  readonly deliveredAt: string | null
  readonly complainedAt: string | null
  /** Whether the suppression list has the address now. */
  readonly suppressed: boolean
}

export interface EmailEvent {
  readonly id: string
  /** Aftersend's event type, or the provider's if Aftersend has none. */
  readonly type: string
  /** By the provider's clock. */
  readonly occurredAt: string | null
  readonly receivedAt: string | null
  /** Null while it is pending. */
  readonly appliedAt: string | null
  /** The address that it is about; null if it names none. */
  readonly recipient: string | null
  /** Only on quarantined events. */
  readonly quarantinedReason?: string
  /** Why an open or click is likely by a machine. Set some minutes after the event. */
  readonly machineReason?: string
  /** Only on `bounced` events. */
  readonly failure?: Failure
  /** What the receiving server answered to a delivered email, if the provider says. */
  readonly response?: string
  /** The list or stream that the recipient left or joined, if the provider names it. */
  readonly list?: string
  /** How it was found, if no webhook brought it: by reconciling, or by asking about the email. */
  readonly foundBy?: 'reconciling' | 'asking'
}

export interface Escalation {
  readonly id: string
  readonly reason: string
  readonly state: string
  readonly detail: string
  readonly openedAt: string | null
  readonly acknowledgedAt: string | null
  readonly acknowledgedBy: string | null
  readonly snoozedUntil: string | null
  readonly resolvedAt: string | null
  readonly resolvedBy: string | null
  readonly notices: number
}

export interface Email {
  readonly id: string
  readonly provider: string
  readonly workflowId: string
  /** One text for one recipient, a list for several, null while none is known. */
  readonly to: string | readonly string[] | null
  readonly subject: string | null
  readonly priority: Priority
  readonly tags: readonly string[]
  /** The application's own ID: as registered, else as the provider's custom fields carry it. */
  readonly externalId: string | null
  /** The application's own pairs: as registered, and those of the provider's custom fields. */
  readonly metadata: Readonly<Record<string, string>>
  readonly status: EmailStatus
  readonly delivery: string
  /** To how many of several recipients it is known to be delivered; null for one recipient. */
  readonly deliveredTo: { readonly delivered: number; readonly recipients: number } | null
  readonly recipients: readonly EmailRecipient[]
  readonly opens: Engagement
  readonly clicks: Engagement
  readonly bounce: {
    readonly class: 'hard' | 'soft'
    readonly code: string | null
    readonly message: string | null
    readonly at: string | null
  } | null
  /** Of the worst bounce of all recipients. */
  readonly failure: Failure | null
  readonly complainedAt: string | null
  readonly queuedAt: string | null
  readonly sendingAt: string | null
  readonly sentAt: string | null
  readonly deliveredAt: string | null
  readonly deliveryTimeMs: number | null
  readonly registeredAt: string | null
  readonly stalledAt: string | null
  readonly createdAt: string | null
  readonly updatedAt: string | null
  readonly events: readonly EmailEvent[]
  readonly escalations: readonly Escalation[]
  /** How it was found, if nobody registered it and no webhook reported it. */
  readonly foundBy: 'reconciling' | 'asking' | null
}

/** Emails that match all that is given. For those of a person, see `recipients.lookup`, which puts the address into no URL. */
export interface EmailQuery extends OwnIds {
  readonly status?: EmailStatus
  readonly priority?: Priority
  readonly provider?: string
  readonly tag?: string
  /** Why it failed, and who must act. */
  readonly reason?: string
  readonly party?: Failure['party']
  readonly cursor?: string
  /** Default 50, at most 200. */
  readonly limit?: number
}

export interface Page<T> {
  readonly data: readonly T[]
  /** Of the next page; null: this is the last one. */
  readonly nextCursor: string | null
}

/** What the application knows an email by. */
export interface OwnIds {
  /** The application's own ID of the email; only one email may have it. */
  readonly externalId?: string
  /** The application's own pairs: up to 50, of up to 40 and 500 characters. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** An email to be sent. */
export interface NewEmail extends OwnIds {
  readonly from: string
  /** One address or up to 50, with or without display names. */
  readonly to: string | readonly string[]
  readonly subject: string
  /** `html` or `text` is required; both are allowed. */
  readonly html?: string
  readonly text?: string
  readonly priority?: Priority
  readonly tags?: readonly string[] | Readonly<Record<string, string>>
  /** Default: the first configured one. */
  readonly provider?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An email that the application sends itself. */
export interface Registration extends OwnIds {
  /** The provider's ID for it. */
  readonly id: string
  readonly to: string | readonly string[]
  readonly subject?: string
  readonly priority?: Priority
  readonly tags?: readonly string[] | Readonly<Record<string, string>>
  readonly provider?: string
  /** `sent` (default): the provider has accepted it; `queued`: not yet. */
  readonly status?: 'sent' | 'queued'
}

/** One of the channels that notify the team. */
export interface Channel {
  readonly name: string
  /** `slack`, `teams`, `pagerduty`, `opsgenie`, `webhook` or `email`. */
  readonly type: string
}

export interface Suppression {
  /** Normalised: without display name, in lower case. */
  readonly address: string
  readonly suppressed: boolean
  /** Absent if the address is not suppressed. */
  readonly reason?: 'hard_bounce' | 'complaint' | 'repeated_soft_bounces' | 'manual'
  readonly since?: string
}

/** An error response: RFC 9457 problem details. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  /** What to do, in a sentence. */
  readonly detail: string
  readonly instance?: string
  /** One for each invalid field of the request. */
  readonly errors?: readonly { readonly path: string; readonly message: string; readonly reason?: string }[]
}
