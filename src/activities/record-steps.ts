/** Compares one page of a provider's record with ours, and stores what is missing. */
import { insertEvents } from '../db/events.ts'
import { findMissing, recordPage } from '../db/reconciliations.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import { onDatabase } from './database-failure.ts'
import type { ReconcileDependencies } from './dependencies.ts'
import type { Run, Step, StepContext, TakeStep } from './reconcile-steps.ts'
import { stepTo } from './reconcile-steps.ts'

/** A page of the record, under the provider's name as it is stored. */
export interface RecordPage {
  readonly events: readonly ReceivedEvent[]
  readonly missing: readonly ReceivedEvent[]
  /** Of the record's next page. */
  readonly next: string | null
  /** That the page took. */
  readonly requests: number
}

export const takeRecordStep: TakeStep = async (context, cursor) => {
  const { dependencies, api, run } = context
  // The key was taken away meanwhile.
  if (!api.history) return stepTo(null)
  const page = await readPage(context, cursor)
  await onDatabase('PageRejected', () => recordPage(dependencies.db, run.id, countsOf(page, page.next)))
  return stepOf(page, page.next, api.history.requestsPerSecond)
}

/** Reads and compares a page. In a dry run nothing is stored. */
export async function readPage({ dependencies, api, run }: StepContext, cursor: string | null): Promise<RecordPage> {
  const { from, to } = run
  const page = (await api.history?.read({ from: from.getTime(), to: to.getTime() }, cursor)) ?? {
    events: [],
    next: null,
  }
  const { events, missing } = await storeMissing(dependencies, run, page.events)
  return { events, missing, next: page.next, requests: page.requests ?? 1 }
}

/** Stores those of a provider's events that are missing, unless in a dry run. */
export async function storeMissing(
  { db }: Pick<ReconcileDependencies, 'db'>,
  run: Run,
  found: readonly ReceivedEvent[],
) {
  // The API does not know of projects.
  const events = found.map((event) => ({ ...event, provider: run.provider, foundBy: 'reconciling' as const }))
  const missing = await onDatabase('PageRejected', async () => {
    const lacking = events.length === 0 ? [] : await findMissing(db, run.provider, events)
    const sorted = lacking.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    // Not claimed: an API finds them, and signals them to their emails' workflows as it does with any other.
    if (!run.isDryRun && sorted.length > 0) await insertEvents(db, sorted, () => false)
    return sorted
  })
  return { events, missing }
}

export const countsOf = ({ events, missing }: RecordPage, next: string | null) => ({
  compared: events.length,
  missing: missing.length,
  emails: new Set(missing.map(({ emailId }) => emailId)).size,
  next,
})

export const stepOf = (page: RecordPage, next: string | null, requestsPerSecond: number): Step => ({
  next,
  // A page of many requests is followed by as long a wait as they allow.
  requestsPerSecond: requestsPerSecond / page.requests,
  compared: page.events.length,
  missing: page.missing.length,
})
