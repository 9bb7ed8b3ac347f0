import { ApplicationFailure, condition } from '@temporalio/workflow'
import type { Escalation, EscalationCommand, EscalationReason } from '../domain/escalation.ts'
import type { EscalationDesk } from './escalation-desk.ts'

interface PendingCommand {
  readonly reason: EscalationReason
  readonly command: EscalationCommand
  outcome?: { readonly escalation: Escalation } | { readonly refusal: string }
}

/** People's commands: handlers of Updates put them in and wait, and the workflow's loop alone carries them out. */
export class CommandQueue {
  readonly #pending: PendingCommand[] = []

  isEmpty = (): boolean => this.#pending.length === 0

  /** Puts a command before the loop and waits for what comes of it. Throws {@link commandRefused}. */
  async put(reason: EscalationReason, command: EscalationCommand): Promise<Escalation> {
    const pending: PendingCommand = { reason, command }
    this.#pending.push(pending)
    await condition(() => pending.outcome !== undefined)
    if (pending.outcome && 'escalation' in pending.outcome) return pending.outcome.escalation
    throw commandRefused(pending.outcome?.refusal ?? 'the command was not carried out')
  }

  /** Carries out the command that has waited longest; does nothing if none waits. */
  async carryOutNext(desk: EscalationDesk): Promise<void> {
    const pending = this.#pending.shift()
    if (!pending) return
    const { reason, command } = pending
    const refusal = desk.refusalOf(reason, command, Date.now())
    pending.outcome = refusal ? { refusal } : { escalation: await desk.carryOut(reason, command, Date.now()) }
  }
}

/** What an Update fails with that the escalation's state does not allow. The refusal is for the person who tried. */
export const commandRefused = (refusal: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(refusal, 'CommandRefused')
