/** Compares the record of a provider with ours, page by page, and stores what is missing; audits, and makes lists agree, step by step. */
import { heartbeat } from '@temporalio/activity'
import { findRunning, readReconciledThrough, recordFailure, startReconciliation } from '../db/reconciliations.ts'
import { nextWindow, type ReconciliationKind } from '../domain/reconciliation.ts'
import { EmailRefusedError, ProviderRefusedError } from '../providers/provider-api.ts'
import { takeAuditStep } from './audit-steps.ts'
import { onDatabase } from './database-failure.ts'
import type { ReconcilableApi, ReconcileDependencies } from './dependencies.ts'
import { takePullRemovalsStep, takePushRemovalsStep, takePushStep } from './list-steps.ts'
import { providerFailure } from './provider-failure.ts'
import type { Run, TakeStep } from './reconcile-steps.ts'
import { takeRecordStep } from './record-steps.ts'
import { untilNextRequest } from './request-pace.ts'
import type { ReconcileActivities } from './scheduled-activities.ts'

/** One activity takes steps for so long; its successor goes on from the stored cursor. */
const activityMs = 60_000

const steps: Readonly<Record<ReconciliationKind, TakeStep>> = {
  reconcile: takeRecordStep,
  audit: takeAuditStep,
  push: takePushStep,
  push_removals: takePushRemovalsStep,
  pull_removals: takePullRemovalsStep,
}

export const createReconcileActivities = (dependencies: ReconcileDependencies): ReconcileActivities => {
  const { db, providerApis, clock, startReconcile } = dependencies
  return {
    async startReconciliations() {
      const started: string[] = []
      for (const [provider, { history }] of providerApis) {
        const isDue = history !== undefined || (await onDatabase('RunUnreadable', () => findRunning(db, provider)))
        if (isDue && (await startReconcile(provider))) started.push(provider)
        heartbeat()
      }
      return { started }
    },

    async reconcileNext({ provider }) {
      const api = providerApis.get(provider)
      const run = api && (await onDatabase('RunUnreadable', () => runOf(dependencies, provider, api)))
      if (!api || !run) return { isDone: true, compared: 0, missing: 0 }
      const take = steps[run.kind as ReconciliationKind]
      const endsAt = clock() + activityMs
      const sum = { compared: 0, missing: 0 }
      let { cursor } = run
      let dueAt = clock()
      do {
        const step = await take({ dependencies, api, run }, cursor).catch((error) =>
          rethrow(dependencies, run.id, error),
        )
        sum.compared += step.compared
        sum.missing += step.missing
        cursor = step.next
        heartbeat()
        if (cursor !== null && step.requestsPerSecond !== null) {
          dueAt = await untilNextRequest(step.requestsPerSecond, dueAt, clock())
        }
      } while (cursor !== null && clock() < endsAt)
      return { isDone: cursor === null, ...sum }
    },
  }
}

/** The run under way, which may be one that a person asked for, or the next one of the schedule; null if the record cannot be compared. */
async function runOf(
  { db, clock }: ReconcileDependencies,
  provider: string,
  { history }: ReconcilableApi,
): Promise<Run | null> {
  const running = await findRunning(db, provider)
  if (running || !history) return running
  const through = (await readReconciledThrough(db, provider))?.getTime() ?? null
  const window = nextWindow({ through, now: clock(), ...history })
  return window && startReconciliation(db, { provider, ...window, isDryRun: false, by: null })
}

/** A refused key or request ends the run, and the schedule's next one tries again; anything else is retried from the cursor. */
async function rethrow({ db }: ReconcileDependencies, id: string, error: unknown): Promise<never> {
  if (error instanceof ProviderRefusedError || error instanceof EmailRefusedError) {
    await onDatabase('RunRejected', () => recordFailure(db, id, error.message))
  }
  throw providerFailure(error)
}
