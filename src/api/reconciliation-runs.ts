/** Starting the runs that compare with providers, and showing them. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import type { Reconciliation } from '../db/generated/client.ts'
import { startReconciliation } from '../db/reconciliations.ts'
import { inTime } from '../db/request-deadline.ts'
import { type AuditStatement, differenceReasonNames, differencesIn } from '../domain/agreement.ts'
import { firstWindowMs, type ReconciliationKind, reconciliationKinds } from '../domain/reconciliation.ts'
import { Problem, validationProblem } from '../http/problem.ts'
import type { ProviderApi } from '../providers/provider-api.ts'
import type { Reconciliations } from '../temporal/reconciliations.ts'
import { maybeTime, time } from './answers.ts'

export interface ReconciliationDependencies {
  readonly db: Database
  /** By the provider's name as it is stored. */
  readonly providerApis: ReadonlyMap<string, Pick<ProviderApi, 'history' | 'suppressionLists'>>
  readonly reconciliations: Reconciliations
  readonly clock: () => number
}

const agreement = z
  .strictObject({
    compared: z.int(),
    equal: z.int(),
    healed: z.int().describe('Those that differed, and do not any more; in a dry run, those that would not.'),
    different: z.partialRecord(z.enum(differenceReasonNames), z.int()).describe('Those that still differ, by reason.'),
  })
  .meta({ id: 'Agreement' })

export const reconciliation = z.strictObject({
  id: z.string(),
  provider: z.string(),
  kind: z.enum(reconciliationKinds),
  from: time,
  to: time.describe('Of the window of time in which the compared events occurred; excluded.'),
  dryRun: z.boolean(),
  compared: z.int().describe('Events of the provider that were compared.'),
  missing: z.int().describe('Those of them that were not stored. Except in a dry run, they are now.'),
  emails: z.int().describe('How many emails the missing ones are about, counted for each page.'),
  statement: z
    .strictObject({
      emails: agreement.nullable(),
      addresses: agreement.nullable().describe('Of the suppression lists; null if the provider’s cannot be read.'),
      differences: z.int(),
    })
    .nullable()
    .describe('What an audit, or a change of a suppression list, has found so far; null for other runs.'),
  startedAt: time,
  startedBy: z.string().nullable().describe('Null: the schedule.'),
  finishedAt: maybeTime.describe('Null while it is under way.'),
  failure: z.string().nullable().describe('Why it ended early.'),
})

/** The result of an audit, or of a change of a list; null for any other run, and before its first step. */
export const statementOf = ({ statement }: Pick<Reconciliation, 'statement'>): AuditStatement | null =>
  statement as AuditStatement | null

export function runView(row: Reconciliation) {
  const statement = statementOf(row)
  return {
    id: row.id,
    provider: row.provider,
    kind: row.kind,
    from: row.from.toISOString(),
    to: row.to.toISOString(),
    dryRun: row.isDryRun,
    compared: row.compared,
    missing: row.missing,
    emails: row.emails,
    statement: statement && { ...statement, differences: differencesIn(statement) },
    startedAt: row.startedAt.toISOString(),
    startedBy: row.startedBy,
    finishedAt: row.finishedAt?.toISOString() ?? null,
    failure: row.failure,
  }
}

interface Named {
  readonly provider: string
  readonly kind: ReconciliationKind
  readonly since?: number | undefined
  readonly dryRun: boolean
  readonly by: string
}

/** What is assumed of a provider that is asked about each email alone. */
const withoutHistory = { retainedMs: 30 * 24 * 3_600_000, delayMs: 5 * 60_000 }

/** @throws Problem 400 for a provider whose API cannot do it, 409 while another run of it is under way. */
export async function startNamed(
  { db, providerApis, reconciliations, clock }: ReconciliationDependencies,
  { provider, kind, since, dryRun, by }: Named,
): Promise<Reconciliation> {
  if (!providersFor(kind, providerApis).includes(provider)) throw notPossible(kind, providerApis)
  const { retainedMs, delayMs } = providerApis.get(provider)?.history ?? withoutHistory
  const now = clock()
  const [from, to] = [Math.max(since ?? now - firstWindowMs, now - retainedMs), now - delayMs]
  if (from >= to) throw validationProblem([{ path: 'since', message: 'must be earlier: the record grows late' }])
  const run = await inTime(() => startReconciliation(db, { provider, kind, from, to, isDryRun: dryRun, by }))
  // If it runs already, it takes this one next; one that was given up goes on. If Temporal is down, the schedule starts it.
  await reconciliations.ask(provider)
  if (run === null) throw new Problem(409, 'another run of this provider is under way: wait until it has finished')
  return run
}

type Apis = ReconciliationDependencies['providerApis']

/** The providers with which such a run is possible. */
const providersFor = (kind: ReconciliationKind, apis: Apis): string[] =>
  [...apis].filter(([, api]) => isPossible[kind](api)).map(([provider]) => provider)

type ApiParts = Pick<ProviderApi, 'history' | 'suppressionLists'>

const canWriteLists = ({ suppressionLists }: ApiParts): boolean => suppressionLists?.writing !== undefined

const isPossible: Readonly<Record<ReconciliationKind, (api: ApiParts) => boolean>> = {
  reconcile: ({ history }) => history !== undefined,
  // Without a record of all emails, the provider is asked about each.
  audit: () => true,
  push: canWriteLists,
  push_removals: canWriteLists,
  pull_removals: ({ suppressionLists }) => suppressionLists !== undefined,
}

function notPossible(kind: ReconciliationKind, apis: Apis): Problem {
  const names = providersFor(kind, apis)
  const message =
    names.length === 0
      ? 'there is no provider with which this is possible: set the key of its API'
      : `must be one of: ${names.join(', ')}`
  return validationProblem([{ path: 'provider', message }])
}
