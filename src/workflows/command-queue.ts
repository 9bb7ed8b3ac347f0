import { ApplicationFailure } from '@temporalio/common'
import type { Escalation, EscalationCommand, EscalationReason } from '../domain/escalation.ts'
import type { Escalations } from './escalations.ts'
import type { WorkflowRuntime } from './workflow-runtime.ts'

interface PendingCommand {
  readonly reason: EscalationReason
  readonly command: EscalationCommand
  outcome?: { readonly escalation: Escalation } | { readonly refusal: string }
}

/** People's commands: update handlers submit them and wait; the workflow's loop executes them. */
export class CommandQueue {
  readonly #runtime: WorkflowRuntime
  readonly #pending: PendingCommand[] = []

  constructor(runtime: WorkflowRuntime) {
    this.#runtime = runtime
  }

  isEmpty = (): boolean => this.#pending.length === 0

  /** Submits a command to the loop and waits for its outcome. Throws {@link commandRefused}. */
  async submit(reason: EscalationReason, command: EscalationCommand): Promise<Escalation> {
    const pending: PendingCommand = { reason, command }
    this.#pending.push(pending)
    await this.#runtime.condition(() => pending.outcome !== undefined)
    if (pending.outcome && 'escalation' in pending.outcome) return pending.outcome.escalation
    throw commandRefused(pending.outcome?.refusal ?? 'the command was not executed')
  }

  /** Executes the oldest command, if there is one. */
  async executeNext(escalations: Escalations): Promise<void> {
    const pending = this.#pending.shift()
    if (!pending) return
    pending.outcome = await escalations.execute(pending.reason, pending.command)
  }
}

/** The failure of an update that the escalation's state does not allow. Its message is shown to the person. */
export const commandRefused = (refusal: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(refusal, 'CommandRefused')
