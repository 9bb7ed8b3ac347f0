/** The notices that support receives, and the channels that deliver them. */
import type { EscalationReason, EscalationState } from '../domain/escalation.ts'
import type { Priority } from '../domain/events.ts'
import type { NoticeRouting } from '../domain/notice-routing.ts'

/** One notice of an escalation, the same for all channels. Contains addresses: for support, never for a log. */
export interface SupportNotice {
  /** The idempotency key, equal for all attempts. Sent as `webhook-id` and in the Message-ID. */
  readonly id: string
  readonly escalationId: string
  /** 1 for the first notice, 2 for the second level, and so on. */
  readonly notice: number
  readonly reason: EscalationReason
  readonly detail: string
  readonly provider: string
  readonly emailId: string
  readonly recipients: readonly string[]
  readonly subject: string | null
  readonly priority: Priority
  readonly status: string
  /** Epoch milliseconds. */
  readonly openedAt: number
  /** The escalation's state now, which may have changed since the notice became due. */
  readonly state: EscalationState
  readonly acknowledgedBy: string | null
  /** Epoch milliseconds. */
  readonly snoozedUntil: number | null
  /** A person's name, or the event that resolved it. */
  readonly resolvedBy: string | null
  /** Of the escalation: each change has a higher one. */
  readonly version: number
  /** Set where recipients and subject were taken out, for a channel that must not show them. */
  readonly isWithoutAddresses?: boolean
}

/** Notices that were held, as one message. */
export interface NoticeDigest {
  /** The idempotency key, equal for all attempts. */
  readonly id: string
  /** Those that still need somebody, one for each escalation. */
  readonly notices: readonly SupportNotice[]
  /** How many others were resolved meanwhile. */
  readonly resolved: number
}

/**
 * What a channel needs to change its message later, in the channel's own form: the ID of a message. Null: it needs nothing.
 */
export type MessageReference = string | null

export interface SupportChannel {
  /** `log`, `webhook`, `email`, or the name of one of CHANNELS. */
  readonly name: string
  /** Default: it takes everything, at once. */
  readonly routing?: NoticeRouting
  /**
   * Delivers one notice. Safe to repeat: receivers recognize repeats by the notice's ID.
   * @param first what it returned for the first notice of the escalation. Default null: this is the first.
   * @throws NoticeRefusedError if a retry cannot help; any other error if it can.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: most channels have nothing to refer to
  send(notice: SupportNotice, first?: MessageReference): Promise<MessageReference | void>
  /**
   * Shows the escalation's state after a change. Absent: the channel shows no changes. Throws as `send` does.
   * @returns the reference that holds from now on.
   */
  showState?(notice: SupportNotice, reference: MessageReference): Promise<MessageReference>
  /** Of a channel whose routing holds notices. Throws as `send` does. */
  sendDigest?(digest: NoticeDigest): Promise<void>
  /** Sends a message that says that it is a test. Throws as `send` does. */
  sendTest?(): Promise<void>
  /** Checks the credentials, and sends nothing. Absent: the service has no way to. Throws as `send` does. */
  check?(): Promise<void>
}

/** The receiver rejects this notice for good (a 4xx other than 408, 409, 425 and 429, an SMTP 5xx). */
export class NoticeRefusedError extends Error {
  override name = 'NoticeRefusedError'
}
