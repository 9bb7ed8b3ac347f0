/** The lives of emails as the rest of the system reaches them: one Temporal workflow each. */

import type { Escalation, EscalationCommand, EscalationReason } from '../domain/escalation.ts'
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'

export interface Lives {
  /**
   * Hands events to the email's workflow, starting it if none is running.
   * @throws TemporalUnavailableError when it can be tried again; any other error when these events cannot be taken.
   */
  signal(email: EmailKey, events: readonly LifecycleEvent[], recipientDomain: string | null): Promise<void>
  /**
   * Starts the email's workflow if none is running; it goes on from what is stored.
   * @returns whether none was running.
   * @throws TemporalUnavailableError when it can be tried again.
   */
  wake(email: EmailKey, recipientDomain: string | null): Promise<boolean>
  /**
   * Carries out a person's command on an escalation, starting the workflow if it has closed.
   * @throws CommandRefusedError when the escalation's state does not allow it.
   * @throws TemporalUnavailableError when Temporal or every worker is away.
   */
  command(email: EmailKey, reason: EscalationReason, command: EscalationCommand): Promise<Escalation>
  /** Whether Temporal answers within `deadlineMs`. */
  isReachable(deadlineMs: number): Promise<boolean>
}

/** The escalation's state does not allow the command. The message is for the person who tried. */
export class CommandRefusedError extends Error {
  override name = 'CommandRefusedError'
}

/** `email/<provider>/<email id>`: the workflow ID is what makes one writer per email. */
export const workflowIdOf = ({ provider, emailId }: EmailKey): string => `email/${provider}/${emailId}`
