/** The workflows of the scheduled jobs, see `scheduledJobs`. Each calls one activity until there is nothing left to do. */
import { continueAsNew, proxyActivities } from '@temporalio/workflow'
import type { OverdueInput, RecipientDomainsInput, ScheduledActivities } from '../activities/scheduled-activities.ts'

/** The first run counts every email. Work that a run does not finish is recorded in the database, and the next run continues. */
const { rollUpAnalytics: rollUp } = proxyActivities<Pick<ScheduledActivities, 'rollUpAnalytics'>>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
})

/**
 * Rolls up the hours that have ended, and those in which an email has changed since.
 * @returns how many hours were rolled up.
 */
export const rollUpAnalytics = (): Promise<{ hours: number }> => rollUp()

/** Dropping a month waits for its readers. An attempt that hangs sends no heartbeat, and the next one continues. */
const { keepEventMonths: keep } = proxyActivities<Pick<ScheduledActivities, 'keepEventMonths'>>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
})

/**
 * Creates the partitions of `events` for the next months, and drops those that are past their retention.
 * @returns how many partitions were created, which were dropped, and how many event identities were deleted.
 */
export const keepEventMonths = (): Promise<{ made: number; dropped: string[]; forgotten: number }> => keep()

/** Some hundred emails per call. An attempt that hangs sends no heartbeat, and the next one continues. */
const { wakeOverdueLives: wakePage } = proxyActivities<Pick<ScheduledActivities, 'wakeOverdueLives'>>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
})

/** A run continues as new after so many pages, so that its history stays short. */
const maxPages = 100

/**
 * Finds emails with an overdue deadline, and starts their workflows from the stored state where none is running: Temporal has
 * lost the run and its timer. So a stalled email is escalated although Temporal's data is gone. Reads all pages, since the
 * workflows of most overdue emails are running and only late.
 * @returns how many workflows were started.
 */
export async function wakeOverdueLives(input: OverdueInput): Promise<{ woken: number }> {
  let woken = 0
  let page = input
  for (let count = 0; count < maxPages; count++) {
    const found = await wakePage(page)
    woken += found.woken
    if (found.next) page = { ...input, after: found.next }
    else if (!found.hasMore) return { woken }
  }
  if (page.after) await continueAsNew<typeof wakeOverdueLives>(page)
  return { woken }
}

/** Many small batches. An attempt that hangs sends no heartbeat, and the next one continues where it stopped. */
const { eraseByAge: erase } = proxyActivities<Pick<ScheduledActivities, 'eraseByAge'>>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
})

/** A run ends after so many rounds, so that its history stays short; the schedule starts the next one. */
const maxRounds = 20

/**
 * Erases payloads, and later addresses and subjects, that are past the retention that the worker is configured with.
 * @returns how many rows of each kind were erased.
 */
export async function eraseByAge(): Promise<{ payloads: number; events: number; emails: number }> {
  const total = { payloads: 0, events: 0, emails: 0 }
  for (let round = 0; round < maxRounds; round++) {
    const { payloads, events, emails, hasMore } = await erase()
    total.payloads += payloads
    total.events += events
    total.emails += emails
    if (!hasMore) break
  }
  return total
}

/** Up to a thousand questions to DNS, ten at a time. An attempt that hangs sends no heartbeat, and the next one continues. */
const { lookUpRecipientDomains: lookUpPage } = proxyActivities<Pick<ScheduledActivities, 'lookUpRecipientDomains'>>({
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
})

/**
 * Finds the mailbox providers of the domains that emails went to, where none is stored or the stored one has expired. Looks at all
 * domains, page by page; what a run does not finish, the next one finds again.
 * @returns how many domains were looked up by this run, or by the last one that continues it.
 */
export async function lookUpRecipientDomains(input: RecipientDomainsInput = {}): Promise<{ lookedUp: number }> {
  let lookedUp = 0
  let page = input
  for (let count = 0; count < maxPages; count++) {
    const found = await lookUpPage(page)
    lookedUp += found.lookedUp
    if (found.next === null) return { lookedUp }
    page = { after: found.next }
  }
  return continueAsNew<typeof lookUpRecipientDomains>(page)
}

const { watchForIncidents: watch } = proxyActivities<Pick<ScheduledActivities, 'watchForIncidents'>>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '5 seconds', maximumInterval: '30 seconds' },
})

/**
 * Checks the rates of the last 24 hours, and the webhooks of each provider; starts and ends incidents. Incidents of the system
 * itself are the API's, which needs no Temporal for them.
 * @returns which incidents it raised, and which it cleared.
 */
export const watchForIncidents = (): Promise<{ raised: string[]; cleared: string[] }> => watch()

const { startEndpoints: startAll } = proxyActivities<Pick<ScheduledActivities, 'startEndpoints'>>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
})

/** Starts the workflows of endpoints that Temporal has lost, or that could not be started when the endpoint was created. */
export const serveEndpoints = (): Promise<{ started: number }> => startAll()
