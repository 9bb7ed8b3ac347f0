/**
 * Compares the suppression list with the provider's own, and changes one of them because a person asked. Three sides: the provider's list, ours,
 * and the provider's as it was read last, which says what was removed there.
 */
import { heartbeat } from '@temporalio/activity'
import { z } from 'zod'
import { type FoundDifference, readStatement, recordStep } from '../db/audits.ts'
import {
  noteGone,
  noteListed,
  type OwnListed,
  readOwnListed,
  readRemovedHere,
  removeEntries,
} from '../db/listed-addresses.ts'
import { addFromProvider, countMissingHere } from '../db/provider-lists.ts'
import { type Agreement, addAgreements, type DifferenceReason, noAgreement } from '../domain/agreement.ts'
import type { SuppressionReason } from '../domain/suppression.ts'
import type { ListPage } from '../providers/provider-api.ts'
import { onDatabase } from './database-failure.ts'
import type { ReconcileDependencies } from './dependencies.ts'
import { type StepContext, stepTo, type TakeStep } from './reconcile-steps.ts'
import { untilNextRequest } from './request-pace.ts'

const entriesPerPage = 1_000

/** Until when a provider shows what was just added: some add it later ("can take a minute", Postmark). */
const shownWithinMs = 10 * 60_000

type ListContext = Pick<StepContext, 'api'> & { readonly dependencies: Pick<ReconcileDependencies, 'db' | 'clock'> }

/**
 * Reads the provider's whole list, and notes what it has and has no more. From the beginning after a failure: a cursor may hold an address.
 * @param take what becomes of addresses that ours lacks. @returns how many addresses were listed, and how many of them ours lacked.
 */
export async function readLists(
  { dependencies: { db, clock }, api }: ListContext,
  provider: string,
  take: typeof addFromProvider | null,
): Promise<{ listed: number; added: number }> {
  const { suppressionLists: lists } = api
  const sum = { listed: 0, added: 0 }
  if (!lists) return sum
  const readFrom = clock()
  let cursor: string | null = null
  let isWhole = true
  let dueAt = clock()
  do {
    const { entries, next, isPartial = false }: ListPage = await lists.read(cursor)
    if (entries.length > 0) {
      await onDatabase('ListRejected', async () => {
        sum.added += take ? await take(db, provider, entries) : 0
        await noteListed(db, provider, entries, clock())
      })
    }
    sum.listed += entries.length
    isWhole &&= !isPartial
    cursor = next
    heartbeat()
    if (cursor !== null) dueAt = await untilNextRequest(lists.requestsPerSecond, dueAt, clock())
  } while (cursor !== null)
  if (isWhole) await onDatabase('ListRejected', () => noteGone(db, provider, readFrom))
  return sum
}

/** For an audit: what the provider's list has is added to ours, and everything else is a difference. Null if its list cannot be read. */
export async function compareLists(
  context: StepContext,
): Promise<{ agreement: Agreement | null; differences: readonly FoundDifference[] }> {
  const { api, run, dependencies } = context
  if (!api.suppressionLists) return { agreement: null, differences: [] }
  const { added } = await readLists(context, run.provider, run.isDryRun ? countMissingHere : addFromProvider)
  const differences: FoundDifference[] = []
  let present = 0
  for await (const own of ownEntries(dependencies, run.provider)) {
    if (own.difference) differences.push({ reason: own.difference, suppressionId: own.id })
    else present += 1
  }
  for await (const { id } of pagesOf((after) =>
    readRemovedHere(dependencies.db, run.provider, after, entriesPerPage),
  )) {
    differences.push({ reason: 'removed_here', suppressionId: id })
  }
  const healed = run.isDryRun ? 0 : added
  const lacking = run.isDryRun ? added : 0
  const counted = differences.reduce((sum, { reason }) => addAgreements(sum, differing(reason)), noAgreement)
  const agreement = addAgreements(counted, {
    ...{ compared: present + lacking, equal: Math.max(0, present - healed), healed },
    different: lacking > 0 ? { missing_here: lacking } : {},
  })
  return { agreement, differences }
}

const differing = (reason: DifferenceReason): Agreement => ({ ...noAgreement, compared: 1, different: { [reason]: 1 } })

const ownEntries = ({ db }: Pick<ReconcileDependencies, 'db'>, provider: string) =>
  pagesOf((after) => readOwnListed(db, provider, after, entriesPerPage))

async function* pagesOf<Row extends { readonly id: bigint }>(
  read: (after: string) => Promise<Row[]>,
): AsyncGenerator<Row> {
  for (let after = '0'; ; ) {
    const rows = await onDatabase('ListRejected', () => read(after))
    yield* rows
    heartbeat()
    const last = rows.at(-1)
    if (!last) return
    after = String(last.id)
  }
}

/** Where a run is: before the provider's list was read, then after an entry of ours. */
const placeForm = z.object({ after: z.string() })

/** Adds our entries to the provider's list. Left out is what was removed there, and what is erased here. */
export const takePushStep: TakeStep = (context, cursor) => {
  const { api, run, dependencies } = context
  const { db, clock } = dependencies
  const writing = api.suppressionLists?.writing
  return takeListStep(context, cursor, {
    read: (after) => readOwnListed(db, run.provider, after, writing?.addressesPerCall ?? entriesPerPage),
    isDue: ({ difference }) => difference === 'added_by_hand' || difference === 'not_pushed',
    async change(due) {
      const added = due.map(({ address, reason }) => ({ address, reason: reason as SuppressionReason, since: null }))
      const requests = (await writing?.add(added)) ?? 0
      await onDatabase('ListRejected', () => noteListed(db, run.provider, added, clock() + shownWithinMs))
      return requests
    },
  })
}

/** Removes from the provider's list what a person has removed here. */
export const takePushRemovalsStep: TakeStep = (context, cursor) => {
  const { api, run, dependencies } = context
  const writing = api.suppressionLists?.writing
  return takeListStep(context, cursor, {
    async read(after) {
      const removed = await readRemovedHere(
        dependencies.db,
        run.provider,
        after,
        Math.min(removalsPerStep, writing?.addressesPerCall ?? 1),
      )
      return removed.map((entry) => ({ ...entry, difference: 'removed_here' as const }))
    },
    isDue: () => true,
    change: async (due) => (await writing?.remove(due.map(({ address }) => address))) ?? 0,
  })
}

/** Few: each may take a request for each list of the provider, and the pace is kept between the steps. */
const removalsPerStep = 5

/** Ends our entries that the provider's list had, and has no more. */
export const takePullRemovalsStep: TakeStep = (context, cursor) => {
  const { run, dependencies } = context
  const change = { by: run.startedBy, note: `No longer on the list of ${run.provider} (${run.id})` }
  return takeListStep(context, cursor, {
    read: (after) => readOwnListed(dependencies.db, run.provider, after, entriesPerPage),
    isDue: ({ difference, mayFollow }) => difference === 'removed_at_provider' && mayFollow,
    async change(due) {
      await onDatabase('ListRejected', () =>
        removeEntries(
          dependencies.db,
          due.map(({ id }) => id),
          change,
        ),
      )
      return 0
    },
  })
}

type Entry = Pick<OwnListed, 'id' | 'difference'>

interface ListChange<Of extends Entry> {
  readonly read: (after: string) => Promise<Of[]>
  readonly isDue: (entry: Of) => boolean
  /** Makes them agree; not called in a dry run. @returns how many requests it took. */
  readonly change: (due: readonly Of[]) => Promise<number>
}

async function takeListStep<Of extends Entry>(context: StepContext, cursor: string | null, list: ListChange<Of>) {
  const { api, run, dependencies } = context
  const { db } = dependencies
  const pace = api.suppressionLists?.requestsPerSecond ?? 1
  if (cursor === null) {
    await readLists(context, run.provider, null)
    const begun = { next: JSON.stringify({ after: '0' }), statement: { emails: null, addresses: noAgreement } }
    await onDatabase('ListRejected', () => recordStep(db, run, null, begun))
    return stepTo(begun.next, pace)
  }
  const entries = await onDatabase('ListRejected', () => list.read(placeForm.parse(JSON.parse(cursor)).after))
  const due = entries.filter(list.isDue)
  const requests = run.isDryRun || due.length === 0 ? 0 : await list.change(due)
  const last = entries.at(-1)
  const next = last ? JSON.stringify({ after: String(last.id) }) : null
  const agreement = agreementOf(entries, new Set<Entry>(due))
  await onDatabase('ListRejected', async () => {
    const { addresses } = await readStatement(db, run.id)
    const sum = addAgreements(addresses ?? noAgreement, agreement)
    await recordStep(db, run, cursor, { next, statement: { emails: null, addresses: sum } })
  })
  return stepTo(next, requests === 0 ? null : pace / requests)
}

const agreementOf = (entries: readonly Entry[], changed: ReadonlySet<Entry>): Agreement =>
  entries.reduce((sum, entry) => {
    if (changed.has(entry)) return addAgreements(sum, { ...noAgreement, compared: 1, healed: 1 })
    return addAgreements(
      sum,
      entry.difference ? differing(entry.difference) : { ...noAgreement, compared: 1, equal: 1 },
    )
  }, noAgreement)
