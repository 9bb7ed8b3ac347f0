/** Telling support: what is told, and what a channel must do. */

import type { EscalationReason } from '../domain/escalation.ts'
import type { Priority } from '../domain/events.ts'

/** One notice of an escalation, the same for all channels. It holds an address: it goes to support, never to a log. */
export interface SupportNotice {
  /** The idempotency key: the same however often a channel is tried. Sent as `webhook-id` and in the Message-ID. */
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

/** One way to reach support. */
export interface SupportChannel {
  readonly name: 'webhook' | 'email' | 'log'
  /**
   * Delivers one notice. Safe to repeat: receivers tell repeats by the notice's ID.
   * @throws NoticeRefusedError when trying again cannot help; any other error when it can.
   */
  tell(notice: SupportNotice): Promise<void>
}

/** The channel's far side will never take this notice (a 4xx other than 408, 409, 425 and 429, an SMTP 5xx). */
export class NoticeRefusedError extends Error {
  override name = 'NoticeRefusedError'
}
