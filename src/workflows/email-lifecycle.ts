import { allHandlersFinished, condition, continueAsNew, patched, setHandler, workflowInfo } from '@temporalio/workflow'
import type { EmailStatus } from '../domain/lifecycle.ts'
import { Alarm } from './alarm.ts'
import { Life } from './life.ts'
import {
  acknowledgeEscalation,
  eventsReceived,
  type LifeInput,
  resolveEscalation,
  snoozeEscalation,
  status,
} from './messages.ts'

/**
 * A worker that has not got a life in memory replays its run, which takes it about 5 ms of CPU a save. After an outage, or the end
 * of another worker, many are to be replayed at once, and each within a task's timeout, or it is begun again and again.
 *
 * The next run is begun at the start of a task, with what waits: a signal that comes before the task's end would refuse it, and
 * have the worker forget this run.
 */
const longestRunSaves = 50

/**
 * The life of one email, from the first thing heard of it until nothing more is awaited. Its workflow ID makes it the
 * only writer of the email's snapshot. Handlers only take note; this loop alone acts, one thing after the other, so
 * nothing here needs a lock.
 *
 * A run ends when the engagement window is over. Whatever comes later starts a new run under the same ID, which begins
 * from what is stored. So does one that is started without a word, when Temporal has lost the run before.
 * @returns the headline status with which the run ended.
 */
export async function emailLifecycle(input: LifeInput): Promise<EmailStatus> {
  const life = new Life(input)
  const alarm = new Alarm()
  listen(life)
  for (;;) {
    const isReplayLong =
      life.saves() >= longestRunSaves && life.hasWaitingEvents() && patched('hands on before a replay is long')
    // The signal that brought what waits is not counted as handled yet; a command's handler waits for this loop.
    if (isReplayLong) await condition(() => allHandlersFinished() || life.hasCommands())
    // First, since an email that is never left in peace would otherwise never come to its next run.
    if (
      life.mayHandOn() &&
      (isReplayLong || (workflowInfo().continueAsNewSuggested && patched('hands waiting events on')))
    ) {
      await continueAsNew<typeof emailLifecycle>({ ...input, carried: life.carry() })
    } else if (life.hasWaitingEvents()) await life.applyWaitingEvents()
    else if (life.hasCommands()) await life.carryOutCommand()
    else if (!life.isLoaded() && patched('loads before it idles')) await life.load()
    else if (life.isDue(Date.now())) await life.meetDeadline(Date.now())
    else if (life.mayClose(Date.now()) && allHandlersFinished()) return life.headline()
    else if (workflowInfo().continueAsNewSuggested && allHandlersFinished()) {
      await continueAsNew<typeof emailLifecycle>({ ...input, carried: life.carry() })
    } else {
      alarm.set(life.nextDeadline(Date.now()))
      await condition(() => life.hasWork() || alarm.rang || (life.mayClose(Date.now()) && allHandlersFinished()))
    }
  }
}

function listen(life: Life): void {
  setHandler(eventsReceived, (events) => life.hear(events))
  setHandler(status, () => life.describe())
  setHandler(acknowledgeEscalation, ({ reason, by }) => life.command(reason, { do: 'acknowledge', by }), {
    validator: ({ reason, by }) => life.refuse(reason, { do: 'acknowledge', by }),
  })
  setHandler(snoozeEscalation, ({ reason, by, until }) => life.command(reason, { do: 'snooze', by, until }), {
    validator: ({ reason, by, until }) => life.refuse(reason, { do: 'snooze', by, until }),
  })
  setHandler(resolveEscalation, ({ reason, by }) => life.command(reason, { do: 'resolve', by }), {
    validator: ({ reason, by }) => life.refuse(reason, { do: 'resolve', by }),
  })
}
