import { continueAsNew, setHandler } from '@temporalio/workflow'
import type { EmailStatus } from '../domain/lifecycle.ts'
import { DeadlineTimer } from './deadline-timer.ts'
import { EmailState } from './email-state.ts'
import {
  acknowledgeEscalation,
  type EmailWorkflowInput,
  eventsReceived,
  resolveEscalation,
  snoozeEscalation,
  status,
} from './messages.ts'
import { temporalRuntime } from './temporal-runtime.ts'
import type { RunEnd, WorkflowRuntime } from './workflow-runtime.ts'

/**
 * The lifecycle of one email, from its first event until nothing is pending. Its workflow ID makes it the only writer of
 * the email's snapshot.
 *
 * A run completes when delivery has settled, no notice is due or undelivered, and a short linger has passed; or when an
 * email that never settles is given up. A complaint, a late bounce or a person's command starts a new run under the same ID,
 * which continues from the stored state. So does a run that is started without a message, after Temporal lost one.
 * @returns the headline status at the end of the run.
 */
export async function emailLifecycle(input: EmailWorkflowInput): Promise<EmailStatus> {
  const email = new EmailState(input, temporalRuntime)

  // Handlers only enqueue or read; all effects are the loop's.
  setHandler(eventsReceived, (events) => email.enqueue(events))
  setHandler(status, () => email.describe())
  setHandler(acknowledgeEscalation, ({ reason, by }) => email.submitCommand(reason, { do: 'acknowledge', by }), {
    validator: ({ reason, by }) => email.validateCommand(reason, { do: 'acknowledge', by }),
  })
  setHandler(snoozeEscalation, ({ reason, by, until }) => email.submitCommand(reason, { do: 'snooze', by, until }), {
    validator: ({ reason, by, until }) => email.validateCommand(reason, { do: 'snooze', by, until }),
  })
  setHandler(resolveEscalation, ({ reason, by }) => email.submitCommand(reason, { do: 'resolve', by }), {
    validator: ({ reason, by }) => email.validateCommand(reason, { do: 'resolve', by }),
  })

  const end = await runEmail(input, email, temporalRuntime)
  return 'next' in end ? continueAsNew<typeof emailLifecycle>(end.next) : end.result
}

/**
 * A run continues as new after so many saves. A replay takes about 5 ms of CPU per save, and after an outage many runs are
 * replayed at once, each within the timeout of a workflow task.
 *
 * It does so at the start of a task, and carries the pending events: a signal that arrives during the task would fail it
 * with UnhandledCommand, and the worker would evict the run.
 */
const maxSavesPerRun = 50

/**
 * The loop of one run: does one thing after the other until the run ends. It is the only writer, so nothing needs a lock.
 * @returns the headline status to complete with, or the input of the next run.
 */
export async function runEmail(
  input: EmailWorkflowInput,
  email: EmailState,
  runtime: WorkflowRuntime,
): Promise<RunEnd<EmailWorkflowInput, EmailStatus>> {
  const { now, condition, patched, continueAsNewSuggested, allHandlersFinished } = runtime
  const timer = new DeadlineTimer(runtime, input.policy.lingerAfterSettledMs !== undefined)
  const isComplete = () => email.isComplete(now()) && allHandlersFinished()
  const next = () => ({ next: { ...input, carried: email.carriedState() } })
  for (;;) {
    const isReplayLong =
      email.saves() >= maxSavesPerRun && email.hasPendingEvents() && patched('hands on before a replay is long')
    // The handler of the signal that brought the events has not finished yet. A command's handler waits for this loop.
    if (isReplayLong) await condition(() => allHandlersFinished() || email.hasCommands())
    // Before events are applied: an email with a steady stream of events would otherwise never continue as new.
    if (email.canCarryEvents() && (isReplayLong || (continueAsNewSuggested() && patched('hands waiting events on')))) {
      return next()
    }
    if (email.hasPendingEvents()) await email.applyPendingEvents()
    else if (email.hasCommands()) await email.executeCommand()
    else if (!email.isLoaded() && patched('loads before it idles')) await email.load()
    else if (email.isDue(now())) await email.onDeadline(now())
    else if (isComplete()) return { result: email.status() }
    else if (continueAsNewSuggested() && allHandlersFinished()) return next()
    else {
      timer.set(email.nextDeadline(now()))
      await condition(() => email.hasWork() || timer.hasFired || isComplete())
    }
  }
}
