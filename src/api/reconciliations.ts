/** `/v1/reconciliations`: comparing the record of a provider with ours. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import type { Reconciliation } from '../db/generated/client.ts'
import { listReconciliations, startReconciliation } from '../db/reconciliations.ts'
import { inTime } from '../db/request-deadline.ts'
import { firstWindowMs } from '../domain/reconciliation.ts'
import { callerOf } from '../http/api-key.ts'
import { instant, jsonObject, limitUpTo, name, pageAnswer } from '../http/input.ts'
import { Problem, validationProblem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import type { ProviderApi } from '../providers/provider-api.ts'
import type { Reconciliations } from '../temporal/reconciliations.ts'
import { maybeTime, time } from './answers.ts'

export interface ReconciliationDependencies {
  readonly db: Database
  /** By the provider's name as it is stored. */
  readonly providerApis: ReadonlyMap<string, Pick<ProviderApi, 'history'>>
  readonly reconciliations: Reconciliations
  readonly clock: () => number
}

const reconciliation = z.strictObject({
  id: z.string(),
  provider: z.string(),
  from: time,
  to: time.describe('Of the window of time in which the compared events occurred; excluded.'),
  dryRun: z.boolean(),
  compared: z.int().describe('Events of the provider that were compared.'),
  missing: z.int().describe('Those of them that were not stored. Except in a dry run, they are now.'),
  emails: z.int().describe('How many emails the missing ones are about, counted for each page.'),
  startedAt: time,
  startedBy: z.string().nullable().describe('Null: the schedule.'),
  finishedAt: maybeTime.describe('Null while it is under way.'),
  failure: z.string().nullable().describe('Why it ended early.'),
})

const reconcileBody = jsonObject({
  provider: name(64),
  since: instant.optional(),
  dryRun: z.boolean('must be true or false').default(false),
})

export const reconciliationRoutes = (dependencies: ReconciliationDependencies): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/reconciliations',
      tag: 'Reconciling',
      summary: 'List the last comparisons with providers, newest first',
      query: z.object({ provider: name(64).optional(), limit: limitUpTo(200) }),
      answers: { 200: { description: 'The last runs, on one page', schema: pageAnswer(reconciliation) } },
    },
    async (ctx, { query }) => {
      const rows = await inTime(() => listReconciliations(dependencies.db, query.provider, query.limit))
      ctx.body = { data: rows.map(viewOf), nextCursor: null }
    },
  ),

  defineRoute(
    {
      method: 'post',
      path: '/v1/reconciliations',
      scope: 'operate',
      tag: 'Reconciling',
      summary: 'Compare the record of a provider with ours, and store what is missing',
      description:
        'Runs in the workflow `reconcile/<provider>`; the list says when it has finished. `since` is a day ago by default, and no further back ' +
        'than the provider’s record goes. `dryRun` compares and stores nothing.',
      body: reconcileBody,
      answers: { 202: { description: 'Started', schema: reconciliation } },
      problems: { 409: 'Another run of the provider is under way' },
    },
    async (ctx, { body }) => {
      ctx.status = 202
      ctx.body = viewOf(await startNamed(dependencies, { ...body, by: callerOf(ctx).name }))
    },
  ),
]

interface Named {
  readonly provider: string
  readonly since?: number | undefined
  readonly dryRun: boolean
  readonly by: string
}

/** @throws Problem 400 for a provider without a record that can be compared, 409 while another run of it is under way. */
export async function startNamed(
  { db, providerApis, reconciliations, clock }: ReconciliationDependencies,
  { provider, since, dryRun, by }: Named,
): Promise<Reconciliation> {
  const history = providerApis.get(provider)?.history
  if (!history) throw notComparable(providerApis)
  const now = clock()
  const [from, to] = [Math.max(since ?? now - firstWindowMs, now - history.retainedMs), now - history.delayMs]
  if (from >= to) throw validationProblem([{ path: 'since', message: 'must be earlier: the record grows late' }])
  const run = await inTime(() => startReconciliation(db, { provider, from, to, isDryRun: dryRun, by }))
  // If it runs already, it takes this one next; one that was given up goes on. If Temporal is down, the schedule starts it.
  await reconciliations.start(provider)
  if (run === null) throw new Problem(409, 'another run of this provider is under way: wait until it has finished')
  return run
}

/** The providers whose whole record can be compared. */
export const comparableProviders = (apis: ReconciliationDependencies['providerApis']): string[] =>
  [...apis].filter(([, { history }]) => history).map(([provider]) => provider)

function notComparable(apis: ReconciliationDependencies['providerApis']): Problem {
  const names = comparableProviders(apis)
  const message =
    names.length === 0
      ? 'there is no provider whose record can be compared: set the key of its API'
      : `must be one of: ${names.join(', ')}`
  return validationProblem([{ path: 'provider', message }])
}

const viewOf = (row: Reconciliation) => ({
  id: row.id,
  provider: row.provider,
  from: row.from.toISOString(),
  to: row.to.toISOString(),
  dryRun: row.isDryRun,
  compared: row.compared,
  missing: row.missing,
  emails: row.emails,
  startedAt: row.startedAt.toISOString(),
  startedBy: row.startedBy,
  finishedAt: row.finishedAt?.toISOString() ?? null,
  failure: row.failure,
})
