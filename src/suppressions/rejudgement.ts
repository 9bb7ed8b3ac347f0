import type { Database } from '../db/database.ts'
import type { EventPosition } from '../db/events-read.ts'
import {
  changeSuppression,
  isOutdated,
  lockSuppressions,
  type RejudgedBounce,
  readBounces,
  readFailures,
  storeJudgements,
} from '../db/rejudgement.ts'
import { changeOf, type StoredFailure, type SuppressionChange } from '../domain/rejudgement.ts'

export interface RejudgementPage {
  /** The number of bounces that were judged. */
  readonly judged: number
  /** Those whose stored judgement differed. */
  readonly changed: number
  readonly changes: readonly (SuppressionChange & { readonly address: string })[]
  /** The last bounce, if more may follow. */
  readonly last: EventPosition | null
}

export interface RejudgementOptions {
  /** Changes nothing, and answers what would change. */
  readonly isPreview: boolean
  /** Epoch milliseconds: bounces received before are not judged. */
  readonly since: number
  readonly after: EventPosition | null
  readonly limit: number
}

/**
 * Judges a page of stored bounces by the current rules, in one transaction: stores the judgements, and changes the suppressions that
 * follow from them. Idempotent. An address is decided on once, with its last bounce, by all that is stored about it.
 */
export const rejudgeBounces = (db: Database, options: RejudgementOptions): Promise<RejudgementPage> =>
  db.$transaction(async (transaction) => {
    const { isPreview, since, after, limit } = options
    const bounces = await readBounces(transaction, since, after, limit)
    const outdated = bounces.filter(isOutdated)
    if (!isPreview) await storeJudgements(transaction, outdated)
    const failures = await readFailures(transaction, addressesOf(bounces))
    const decided = addressesOf(bounces.filter((bounce) => isLast(bounce, failures)))
    const suppressions = await lockSuppressions(transaction, db, decided)
    const changes = decided.flatMap((address) => {
      const change = changeOf(failures.get(address) ?? [], suppressions.get(address) ?? [])
      return change ? [{ address, ...change }] : []
    })
    if (!isPreview) for (const change of changes) await changeSuppression(transaction, change.address, change)
    const last = bounces.length < limit ? null : (bounces.at(-1)?.position ?? null)
    return { judged: bounces.length, changed: outdated.length, changes, last }
  })

/** Sorted, so that two runs lock suppressions in the same order. */
const addressesOf = (bounces: readonly RejudgedBounce[]): string[] =>
  [...new Set(bounces.flatMap(({ address }) => address ?? []))].sort()

/** Whether it is the last bounce about its recipient. */
function isLast({ address, position }: RejudgedBounce, failures: ReadonlyMap<string, StoredFailure[]>): boolean {
  const last = failures.get(address ?? '')?.findLast(({ judgement }) => judgement !== null)
  return last?.provider === position.provider && last.eventId === position.id
}
