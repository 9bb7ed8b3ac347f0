import { continueAsNew, setHandler } from '@temporalio/workflow'
import { IncidentState } from './incident-state.ts'
import {
  acknowledgeEscalation,
  type EscalationTarget,
  type IncidentInput,
  measured,
  resolveEscalation,
  snoozeEscalation,
} from './messages.ts'
import { temporalRuntime } from './temporal-runtime.ts'
import type { RunEnd, WorkflowRuntime } from './workflow-runtime.ts'

/**
 * One incident, from its start until a measurement ends it. Its workflow ID makes it the only one for its reason and scope. If
 * people resolve it while it lasts, it is not opened again until it has ended once.
 */
export async function incident(input: IncidentInput): Promise<void> {
  const state = new IncidentState(input, temporalRuntime)

  // Handlers only enqueue; all effects are the loop's.
  setHandler(measured, (measurement) => state.enqueue(measurement))
  const validator = ({ episode }: EscalationTarget) => state.validateEpisode(episode)
  setHandler(acknowledgeEscalation, ({ by }) => state.submitCommand({ do: 'acknowledge', by }), { validator })
  setHandler(snoozeEscalation, ({ by, until }) => state.submitCommand({ do: 'snooze', by, until }), { validator })
  setHandler(resolveEscalation, ({ by }) => state.submitCommand({ do: 'resolve', by }), { validator })

  const end = await runIncident(state, temporalRuntime)
  if ('next' in end) await continueAsNew<typeof incident>(end.next)
}

/** A timeout that never elapses: a message or a deadline comes long before. */
const yearMs = 365 * 86_400_000

/** The loop of one run: does one thing after the other until the run ends. It is the only writer, so nothing needs a lock. */
export async function runIncident(
  state: IncidentState,
  { condition, continueAsNewSuggested, allHandlersFinished }: WorkflowRuntime,
): Promise<RunEnd<IncidentInput, void>> {
  await state.load()
  for (;;) {
    if (state.hasWork()) await state.processNext()
    else if (state.isNoticeDue()) await state.repeatNotice()
    else if (state.isComplete()) return { result: undefined }
    else if (continueAsNewSuggested() && allHandlersFinished()) return { next: state.nextInput() }
    else await condition(() => state.hasWork() || state.isComplete(), state.msUntilDeadline() ?? yearMs)
  }
}
