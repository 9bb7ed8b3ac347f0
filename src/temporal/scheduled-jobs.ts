/**
 * The scheduled jobs and their intervals. A run retries until the database is available, and its schedule starts no other
 * meanwhile: an outage leaves no failed run behind.
 */
import type { OverdueInput } from '../activities/scheduled-activities.ts'
import type { ScheduledJob } from './schedules.ts'

const minuteMs = 60_000

/** A workflow that is late by less may just be slow. */
const overdue: OverdueInput = { graceMs: 5 * minuteMs }

export const scheduledJobs: readonly ScheduledJob[] = [
  {
    id: 'wake-overdue-lives',
    summary: 'Restarts email workflows that Temporal has lost',
    workflow: 'wakeOverdueLives',
    args: [overdue],
    everyMs: 5 * minuteMs,
  },
  {
    id: 'roll-up-analytics',
    summary: 'Rolls up emails by hour and day',
    workflow: 'rollUpAnalytics',
    args: [],
    everyMs: 5 * minuteMs,
  },
  {
    id: 'erase-by-age',
    summary: 'Erases payloads and addresses past their retention',
    workflow: 'eraseByAge',
    args: [],
    everyMs: 60 * minuteMs,
  },
  {
    id: 'keep-event-months',
    summary: 'Creates the monthly partitions of events, and drops old ones',
    workflow: 'keepEventMonths',
    args: [],
    everyMs: 6 * 60 * minuteMs,
  },
  {
    id: 'look-up-recipient-domains',
    summary: 'Finds the mailbox providers of recipients’ domains',
    workflow: 'lookUpRecipientDomains',
    args: [],
    startsAtOnce: true,
    everyMs: 5 * minuteMs,
  },
  {
    id: 'reconcile-providers',
    summary: 'Compares the providers’ records with ours, and stores what webhooks have missed',
    workflow: 'reconcileProviders',
    args: [],
    startsAtOnce: true,
    everyMs: 15 * minuteMs,
  },
  {
    id: 'merge-suppression-lists',
    summary: 'Takes over what the providers’ own suppression lists have',
    workflow: 'mergeSuppressionLists',
    args: [],
    everyMs: 60 * minuteMs,
  },
  {
    id: 'serve-channels',
    summary: 'Sends digests, and shows the team’s channels what has changed',
    workflow: 'serveChannels',
    args: [],
    everyMs: minuteMs,
  },
  {
    id: 'serve-endpoints',
    summary: 'Starts the workflows of endpoints where none is running',
    workflow: 'serveEndpoints',
    args: [],
    startsAtOnce: true,
    everyMs: 5 * minuteMs,
  },
  {
    id: 'watch-for-incidents',
    summary: 'Checks rates and webhooks, and raises incidents',
    workflow: 'watchForIncidents',
    args: [],
    everyMs: minuteMs,
  },
]

/** Only where an export is configured. */
export const exportJob: ScheduledJob = {
  id: 'export-data',
  summary: 'Writes events and emails, hour by hour, as files',
  workflow: 'exportData',
  args: [],
  startsAtOnce: true,
  everyMs: 10 * minuteMs,
}

/** Only where a mailbox is configured. */
export const mailboxJob: ScheduledJob = {
  id: 'serve-mailboxes',
  summary: 'Starts the workflows of mailboxes where none is running',
  workflow: 'serveMailboxes',
  args: [],
  startsAtOnce: true,
  everyMs: 5 * minuteMs,
}
