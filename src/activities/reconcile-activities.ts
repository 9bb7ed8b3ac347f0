/** Compares the record of a provider with ours, page by page, and stores what is missing. */
import { heartbeat } from '@temporalio/activity'
import { insertEvents } from '../db/events.ts'
import {
  type ComparedPage,
  findMissing,
  findRunning,
  readReconciledThrough,
  recordFailure,
  recordPage,
  startReconciliation,
} from '../db/reconciliations.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import { nextWindow } from '../domain/reconciliation.ts'
import { type EventHistory, ProviderRefusedError } from '../providers/provider-api.ts'
import { onDatabase } from './database-failure.ts'
import type { ReconcileDependencies } from './dependencies.ts'
import { providerFailure } from './provider-failure.ts'
import { untilNextRequest } from './provider-list-activities.ts'
import type { ReconcileActivities } from './scheduled-activities.ts'

/** One activity compares pages for so long; its successor goes on from the stored cursor. */
const activityMs = 60_000

export const createReconcileActivities = (dependencies: ReconcileDependencies): ReconcileActivities => {
  const { db, providerApis, clock, startReconcile } = dependencies
  const historyOf = (provider: string): EventHistory | undefined => providerApis.get(provider)?.history
  return {
    async startReconciliations() {
      const started: string[] = []
      for (const provider of providerApis.keys()) {
        if (historyOf(provider) && (await startReconcile(provider))) started.push(provider)
        heartbeat()
      }
      return { started }
    },

    async reconcileNext({ provider }) {
      const history = historyOf(provider)
      if (!history) return { isDone: true, compared: 0, missing: 0 }
      const run = await onDatabase('RunUnreadable', () => runOf(dependencies, provider, history))
      if (run === null) return { isDone: true, compared: 0, missing: 0 }
      const endsAt = clock() + activityMs
      const sum = { compared: 0, missing: 0 }
      let cursor = run.cursor
      let dueAt = clock()
      do {
        const page = await readPage(history, run, cursor).catch((error) => rethrow(dependencies, run.id, error))
        const compared = await onDatabase('PageRejected', () => comparePage(dependencies, run, page))
        await onDatabase('PageRejected', () => recordPage(db, run.id, compared))
        sum.compared += compared.compared
        sum.missing += compared.missing
        cursor = page.next
        heartbeat()
        if (cursor !== null) dueAt = await untilNextRequest(history.requestsPerSecond, dueAt, clock())
      } while (cursor !== null && clock() < endsAt)
      return { isDone: cursor === null, ...sum }
    },
  }
}

type Run = Pick<
  NonNullable<Awaited<ReturnType<typeof findRunning>>>,
  'id' | 'provider' | 'from' | 'to' | 'cursor' | 'isDryRun'
>

/** The run under way, which may be one that a person asked for, or the next one. */
async function runOf(
  { db, clock }: ReconcileDependencies,
  provider: string,
  { delayMs, retainedMs }: EventHistory,
): Promise<Run | null> {
  const running = await findRunning(db, provider)
  if (running) return running
  const through = (await readReconciledThrough(db, provider))?.getTime() ?? null
  const window = nextWindow({ through, now: clock(), delayMs, retainedMs })
  return window && startReconciliation(db, { provider, ...window, isDryRun: false, by: null })
}

const readPage = (history: EventHistory, { from, to }: Run, cursor: string | null) =>
  history.read({ from: from.getTime(), to: to.getTime() }, cursor)

async function comparePage(
  { db }: ReconcileDependencies,
  { provider, isDryRun }: Run,
  { events, next }: { readonly events: readonly ReceivedEvent[]; readonly next: string | null },
): Promise<ComparedPage> {
  // The API does not know of projects.
  const own = events.map((event) => ({ ...event, provider }))
  const missing = own.length === 0 ? [] : await findMissing(db, provider, own)
  const sorted = missing.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  // Not claimed: an API finds them, and signals them to their emails' workflows as it does with any other.
  if (!isDryRun && sorted.length > 0) await insertEvents(db, sorted, () => false)
  const emails = new Set(missing.map(({ emailId }) => emailId)).size
  return { compared: own.length, missing: missing.length, emails, next }
}

/** A refused key ends the run, and the schedule's next one tries again; anything else is retried from the cursor. */
async function rethrow({ db }: ReconcileDependencies, id: string, error: unknown): Promise<never> {
  if (error instanceof ProviderRefusedError) await onDatabase('RunRejected', () => recordFailure(db, id, error.message))
  throw providerFailure(error)
}
