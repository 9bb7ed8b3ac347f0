/**
 * What comes round by itself, and how often. A run waits for a database that is away, however long, and the schedule starts no
 * other meanwhile: so an outage leaves no failed run behind.
 */
import type { EventMonthsInput, OverdueInput, RetentionInput } from '../activities/recurring-activities.ts'
import type { RecurringWork } from './schedules.ts'

const minuteMs = 60_000

/** A life that is late by less may just be slow. */
const overdue: OverdueInput = { graceMs: 5 * minuteMs }

/** @param retention how long payloads, addresses, and events as a whole are kept. */
export const recurringWork = ({
  keptForMs,
  ...retention
}: RetentionInput & EventMonthsInput): readonly RecurringWork[] => [
  {
    id: 'wake-overdue-lives',
    summary: 'Starts lives again that Temporal has lost',
    workflow: 'wakeOverdueLives',
    args: [overdue],
    everyMs: 5 * minuteMs,
  },
  {
    id: 'roll-up-analytics',
    summary: 'Adds emails up by hour and day',
    workflow: 'rollUpAnalytics',
    args: [],
    everyMs: 5 * minuteMs,
  },
  {
    id: 'erase-by-age',
    summary: 'Erases payloads and addresses that are older than they are to be kept',
    workflow: 'eraseByAge',
    args: [retention],
    everyMs: 60 * minuteMs,
  },
  {
    id: 'keep-event-months',
    summary: 'Makes the months ahead by which events are stored, and drops old ones',
    workflow: 'keepEventMonths',
    args: [{ keptForMs } satisfies EventMonthsInput],
    everyMs: 6 * 60 * minuteMs,
  },
  {
    id: 'watch-for-incidents',
    summary: 'Looks at rates, backlog and webhooks, and calls support',
    workflow: 'watchForIncidents',
    args: [],
    everyMs: minuteMs,
  },
]
