/** The notices that support receives, and the channels that deliver them. */
import type { EscalationReason } from '../domain/escalation.ts'
import type { Priority } from '../domain/events.ts'

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
}

export interface SupportChannel {
  readonly name: 'webhook' | 'email' | 'log'
  /**
   * Delivers one notice. Safe to repeat: receivers recognize repeats by the notice's ID.
   * @throws NoticeRefusedError if a retry cannot help; any other error if it can.
   */
  send(notice: SupportNotice): Promise<void>
}

/** The receiver rejects this notice for good (a 4xx other than 408, 409, 425 and 429, an SMTP 5xx). */
export class NoticeRefusedError extends Error {
  override name = 'NoticeRefusedError'
}
