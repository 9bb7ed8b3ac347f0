/** When a mailbox that cannot be read raises an incident. */
import type { Finding } from './rate-policy.ts'

/** A mailbox whose last reading has failed. */
export interface FailingMailbox {
  readonly name: string
  /** One sentence on why. */
  readonly failure: string
  /** Whether it stays so until somebody changes the configuration: the login or the folder is refused. */
  readonly isRefused: boolean
  /** Epoch milliseconds. */
  readonly failingSince: number
}

/** Mail servers are restarted and moved: an incident opens when one is away for longer. docs/mail-intake.md names it. */
export const unreachableAfterMs = 30 * 60_000

/**
 * One finding for each mailbox: raised at once where the server refuses, otherwise after {@link unreachableAfterMs}. It ends when the
 * mailbox is read again.
 */
export const mailboxFindings = (failing: readonly FailingMailbox[], now: number): Finding[] =>
  failing.map(({ name, failure, isRefused, failingSince }) => ({
    reason: 'mailbox_unread',
    scope: `mailbox:${name}`,
    level: isRefused || now - failingSince > unreachableAfterMs ? 'raised' : 'held',
    detail: `The mailbox ${name} is not read: ${failure}. Its mails wait there.`,
  }))
