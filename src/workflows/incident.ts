import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineSignal,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import { acknowledgeEscalation, resolveEscalation, snoozeEscalation } from './messages.ts'
import { type IncidentInput, type Measurement, OngoingIncident } from './ongoing-incident.ts'

/** Sent by the watch when an incident begins and when it is over. A signal: the watch waits for nothing. */
export const measured = defineSignal<[Measurement]>('measured')

/**
 * One incident, from its beginning until it is measured to be over. Its workflow ID makes it the only one for its reason
 * and scope: one that people have resolved while it goes on is not opened again until it was over once. Handlers only take
 * note; this loop alone acts.
 */
export async function incident(input: IncidentInput): Promise<void> {
  const ongoing = new OngoingIncident(input)

  setHandler(measured, (measurement) => ongoing.hear(measurement))
  setHandler(acknowledgeEscalation, ({ by }) => ongoing.command({ do: 'acknowledge', by }))
  setHandler(snoozeEscalation, ({ by, until }) => ongoing.command({ do: 'snooze', by, until }))
  setHandler(resolveEscalation, ({ by }) => ongoing.command({ do: 'resolve', by }))

  await ongoing.takeOver()
  for (;;) {
    if (ongoing.hasWork()) await ongoing.work()
    else if (ongoing.isNoticeDue()) await ongoing.repeatNotice()
    else if (ongoing.mayEnd()) return
    else if (workflowInfo().continueAsNewSuggested && allHandlersFinished()) {
      await continueAsNew<typeof incident>({ ...input, untold: ongoing.untold() })
    } else await condition(() => ongoing.hasWork() || ongoing.mayEnd(), ongoing.untilNextMs() ?? farAwayMs)
  }
}

/** Something else wakes it long before. */
const farAwayMs = 365 * 86_400_000
