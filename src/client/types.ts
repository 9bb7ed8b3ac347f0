/** What the API takes and answers. Times are ISO 8601 texts. */

export type Priority = 'critical' | 'normal' | 'bulk'

export type EmailStatus =
  | 'complained'
  | 'bounced'
  | 'clicked'
  | 'opened'
  | 'delivered'
  | 'deferred'
  | 'sent'
  | 'sending'
  | 'queued'

/** Opens or clicks; `human` are those that a person likely made. */
export interface Engagement {
  readonly total: number
  readonly human: number
  readonly firstAt: string | null
  readonly lastAt: string | null
}

export interface EmailEvent {
  readonly id: string
  /** Ours, or the provider's word where we have none. */
  readonly type: string
  /** By the provider's clock. */
  readonly occurredAt: string | null
  readonly receivedAt: string | null
  /** Null while it waits for the email's workflow. */
  readonly appliedAt: string | null
  /** Why it was put aside; absent on all others. */
  readonly quarantinedReason?: string
  /** Why an open or click is likely a machine's; told some minutes after the event. */
  readonly machineReason?: string
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
  /** One text for one recipient, a list for several, null while nobody has named one. */
  readonly to: string | readonly string[] | null
  readonly subject: string | null
  readonly priority: Priority
  readonly tags: readonly string[]
  readonly status: EmailStatus
  readonly delivery: string
  readonly opens: Engagement
  readonly clicks: Engagement
  readonly bounce: {
    readonly class: 'hard' | 'soft'
    readonly code: string | null
    readonly message: string | null
    readonly at: string | null
  } | null
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
}

/** An email to be sent. */
export interface NewEmail {
  readonly from: string
  /** One address or up to 50, with or without display names. */
  readonly to: string | readonly string[]
  readonly subject: string
  /** This, or `text`, or both. */
  readonly html?: string
  readonly text?: string
  readonly priority?: Priority
  readonly tags?: readonly string[] | Readonly<Record<string, string>>
  /** Default: the first that is configured. */
  readonly provider?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An email that the application has sent itself. */
export interface Registration {
  /** The provider's ID for it. */
  readonly id: string
  readonly to: string | readonly string[]
  readonly subject?: string
  readonly priority?: Priority
  readonly tags?: readonly string[] | Readonly<Record<string, string>>
  readonly provider?: string
  /** `sent` (default): the provider has it; `queued`: it will. */
  readonly status?: 'sent' | 'queued'
}

export interface Suppression {
  /** As it is compared: without display name, in lower case. */
  readonly address: string
  readonly suppressed: boolean
  /** Absent where it is not suppressed. */
  readonly reason?: 'hard_bounce' | 'complaint' | 'repeated_soft_bounces' | 'manual'
  readonly since?: string
}

/** An answer other than success: RFC 9457 problem details. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  /** What to do, in a sentence. */
  readonly detail: string
  readonly instance?: string
  /** One for each place in the request that is not as it must be. */
  readonly errors?: readonly { readonly path: string; readonly message: string; readonly reason?: string }[]
}
