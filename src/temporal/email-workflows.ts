/** The workflows of emails, one per email, as the rest of the system uses them. */

import type { Escalation, EscalationCommand, EscalationReason } from '../domain/escalation.ts'
import type { EmailKey, LifecycleEvent, Priority } from '../domain/events.ts'
import type { EscalationSubject } from '../domain/incident.ts'

export interface EmailWorkflows {
  /**
   * Sends events to the email's workflow, and starts it if none is running.
   * @param priority of a workflow that is started. Default: the priority in the events.
   * @param account the provider's account that sent the webhook; null for the first. Accounts take turns at the workers.
   * @throws TemporalUnavailableError if the call can be retried, WorkflowBusyError if only this email must wait; any other error
   * if the events cannot be accepted.
   */
  signal(
    email: EmailKey,
    events: readonly LifecycleEvent[],
    recipientDomain: string | null,
    priority?: Priority,
    account?: string | null,
  ): Promise<void>
  /**
   * Starts the email's workflow if none is running; it continues from the stored state.
   * @returns whether it was started.
   * @throws TemporalUnavailableError if the call can be retried.
   */
  ensureStarted(email: EmailKey, recipientDomain: string | null): Promise<boolean>
  /**
   * Executes a person's command on an escalation of an email or an incident, and starts the workflow if it has closed.
   * @param updateId makes it idempotent: a repeated ID gets the outcome of the first command.
   * @throws CommandRefusedError if the escalation's state does not allow it.
   * @throws TemporalUnavailableError if Temporal or every worker is unavailable.
   */
  command(
    subject: EscalationSubject,
    reason: EscalationReason,
    command: EscalationCommand,
    updateId?: string,
  ): Promise<Escalation>
  /** Whether Temporal answers within `deadlineMs`. */
  isReachable(deadlineMs: number): Promise<boolean>
}

/** The escalation's state does not allow the command. The message is shown to the person. */
export class CommandRefusedError extends Error {
  override name = 'CommandRefusedError'
}

/** `email/<provider>/<email id>`: by its workflow ID, an email has one writer. */
export const workflowIdOf = ({ provider, emailId }: EmailKey): string => `email/${provider}/${emailId}`
