import {
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  defineSignal,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import type { Escalation, EscalationCommand } from '../domain/escalation.ts'
import { type Incident, incidentKeyOf, recovered } from '../domain/incident.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import { patientActivities } from './activities.ts'
import { EscalationDesk } from './escalation-desk.ts'
import { acknowledgeEscalation, resolveEscalation, snoozeEscalation, type UntoldNotice } from './messages.ts'

/** What an incident starts with. */
export interface IncidentInput extends Incident {
  /** When it began: one escalation for each time. */
  readonly episode: string
  readonly policy: LifecyclePolicy
  /** Notices that the run before this one has not told support of. */
  readonly untold?: readonly UntoldNotice[]
}

/** How an incident stands. */
export interface Measurement {
  readonly level: 'raised' | 'clear'
  readonly detail: string
}

/** Sent by the watch when an incident begins and when it is over. A signal: the watch waits for nothing. */
export const measured = defineSignal<[Measurement]>('measured')

interface PendingCommand {
  readonly command: EscalationCommand
  outcome?: { readonly escalation: Escalation } | { readonly refusal: string }
}

/** After this long a resolved incident of which no more is measured is let go. */
const letGoAfterMs = 7 * 86_400_000

/**
 * One incident, from its beginning until it is measured to be over. Its workflow ID makes it the only one for its reason
 * and scope: one that people have resolved while it goes on is not opened again until it was over once.
 */
export async function incident(input: IncidentInput): Promise<void> {
  const { reason } = input
  const desk = new EscalationDesk(incidentKeyOf(input.scope, input.episode), input.policy, input.untold ?? [])
  const commands: PendingCommand[] = []
  const measurements: Measurement[] = []
  let isOver = false

  const carryOut = async (command: EscalationCommand): Promise<Escalation> => {
    const pending: PendingCommand = { command }
    commands.push(pending)
    await condition(() => pending.outcome !== undefined)
    if (pending.outcome && 'escalation' in pending.outcome) return pending.outcome.escalation
    throw ApplicationFailure.nonRetryable(pending.outcome?.refusal ?? 'it was not carried out', 'CommandRefused')
  }
  setHandler(measured, (measurement) => void measurements.push(measurement))
  setHandler(acknowledgeEscalation, ({ by }) => carryOut({ do: 'acknowledge', by }))
  setHandler(snoozeEscalation, ({ by, until }) => carryOut({ do: 'snooze', by, until }))
  setHandler(resolveEscalation, ({ by }) => carryOut({ do: 'resolve', by }))

  const take = async ({ level, detail }: Measurement) => {
    if (level === 'raised') return desk.open(reason, detail)
    await desk.resolve(reason, recovered)
    isOver = true
  }
  const answer = async (pending: PendingCommand) => {
    const refusal = desk.refusalOf(reason, pending.command, Date.now())
    pending.outcome = refusal ? { refusal } : { escalation: await desk.carryOut(reason, pending.command, Date.now()) }
  }
  const letGoAt = () => {
    const [escalation] = desk.all()
    return escalation?.resolvedAt ? escalation.resolvedAt + letGoAfterMs : null
  }
  const isDue = (at: number | null) => at !== null && at <= Date.now()
  const mayEnd = () => (isOver || isDue(letGoAt())) && desk.untold().length === 0 && allHandlersFinished()

  // A run that begins with a person's command, or that continues another, takes over what is stored.
  desk.adopt((await patientActivities.loadLife(incidentKeyOf(input.scope, input.episode))).escalations)
  for (;;) {
    const pending = commands.shift()
    const measurement = measurements.shift()
    if (pending) await answer(pending)
    if (measurement) await take(measurement)
    if (pending || measurement) continue
    if (isDue(desk.nextNoticeAt())) await desk.repeatDueNotices(Date.now())
    else if (mayEnd()) return
    else if (workflowInfo().continueAsNewSuggested && allHandlersFinished()) {
      await continueAsNew<typeof incident>({ ...input, untold: desk.untold() })
    } else {
      const next = [desk.nextNoticeAt(), letGoAt()].filter((at) => at !== null)
      const hasWork = () => commands.length > 0 || measurements.length > 0 || mayEnd()
      if (next.length === 0) await condition(hasWork)
      else await condition(hasWork, Math.max(1, Math.min(...next) - Date.now()))
    }
  }
}
