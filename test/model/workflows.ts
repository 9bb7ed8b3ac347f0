/** The real loops, with the message handlers that the workflow functions set. */
import type { EscalationReason } from '../../src/domain/escalation.ts'
import type { LifecycleEvent } from '../../src/domain/events.ts'
import { runEmail } from '../../src/workflows/email-lifecycle.ts'
import { EmailState } from '../../src/workflows/email-state.ts'
import { runIncident } from '../../src/workflows/incident.ts'
import { IncidentState } from '../../src/workflows/incident-state.ts'
import type { EmailWorkflowInput, IncidentInput, Measurement } from '../../src/workflows/messages.ts'
import type { StartWorkflow } from './workflow-instance.ts'

/** The arguments of an update. */
interface CommandArgs {
  readonly reason: EscalationReason
  readonly by: string
  readonly until?: number
}

/** The command of an update. */
function commandOf(name: string, { by, until = 0 }: CommandArgs) {
  if (name === 'snoozeEscalation') return { do: 'snooze' as const, by, until }
  return { do: name === 'acknowledgeEscalation' ? ('acknowledge' as const) : ('resolve' as const), by }
}

const emailLifecycle: StartWorkflow = (given, runtime) => {
  const input = given as EmailWorkflowInput
  const email = new EmailState(input, runtime)
  return {
    handle(name, [argument]) {
      if (name === 'eventsReceived') return email.enqueue(argument as LifecycleEvent[])
      const target = argument as CommandArgs
      return email.submitCommand(target.reason, commandOf(name, target))
    },
    validate(name, [argument]) {
      const target = argument as CommandArgs
      email.validateCommand(target.reason, commandOf(name, target))
    },
    run: () => runEmail(input, email, runtime),
  }
}

const incident: StartWorkflow = (given, runtime) => {
  const input = given as IncidentInput
  const state = new IncidentState(input, runtime)
  return {
    handle(name, [argument]) {
      if (name === 'measured') return state.enqueue(argument as Measurement)
      return state.submitCommand(commandOf(name, argument as CommandArgs))
    },
    validate: () => {},
    run: () => runIncident(state, runtime),
  }
}

export const workflows: Readonly<Record<string, StartWorkflow>> = { emailLifecycle, incident }
