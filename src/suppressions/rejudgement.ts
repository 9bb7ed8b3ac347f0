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
import { projectOf, suppressionListOf } from '../domain/project.ts'
import { changeOf, type StoredFailure, type SuppressionChange } from '../domain/rejudgement.ts'

/** A person, as one suppression list knows it. */
interface Listed {
  readonly list: string
  readonly address: string
}

export interface RejudgementPage {
  /** The number of bounces that were judged. */
  readonly judged: number
  /** Those whose stored judgement differed. */
  readonly changed: number
  readonly changes: readonly (SuppressionChange & Listed)[]
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
 * follow from them. Idempotent. An address is decided on once for each list, with its last bounce, by all that is stored about it in the
 * projects that use the list.
 */
export const rejudgeBounces = (db: Database, options: RejudgementOptions): Promise<RejudgementPage> =>
  db.$transaction(async (transaction) => {
    const { isPreview, since, after, limit } = options
    const listOf = (provider: string) => suppressionListOf(db, projectOf(provider))
    const bounces = await readBounces(transaction, since, after, limit)
    const outdated = bounces.filter(isOutdated)
    if (!isPreview) await storeJudgements(transaction, outdated)
    const failures = await readFailures(transaction, addressesOf(bounces))
    const failuresOf = ({ list, address }: Listed) =>
      (failures.get(address) ?? []).filter(({ provider }) => listOf(provider) === list)
    const decided = bounces.flatMap((bounce) => {
      if (bounce.address === null) return []
      const person = { list: listOf(bounce.position.provider), address: bounce.address }
      return isLast(bounce, failuresOf(person)) ? [person] : []
    })
    const suppressions = await lockSuppressions(transaction, db, addressesIn(decided))
    const changes = decided.toSorted(byAddress).flatMap((person) => {
      const known = (suppressions.get(person.address) ?? []).filter(({ list }) => list === person.list)
      const change = changeOf(failuresOf(person), known)
      return change ? [{ ...person, ...change }] : []
    })
    if (!isPreview) for (const change of changes) await changeSuppression(transaction, change, change)
    const last = bounces.length < limit ? null : (bounces.at(-1)?.position ?? null)
    return { judged: bounces.length, changed: outdated.length, changes, last }
  })

const addressesOf = (bounces: readonly RejudgedBounce[]): string[] => [
  ...new Set(bounces.flatMap(({ address }) => address ?? [])),
]

/** Sorted, so that two runs lock suppressions in the same order. */
const addressesIn = (people: readonly Listed[]): string[] => [...new Set(people.map(({ address }) => address))].sort()

const byAddress = (a: Listed, b: Listed): number => (a.address < b.address ? -1 : 1)

/** Whether it is the last bounce about its recipient. */
function isLast({ position }: RejudgedBounce, failures: readonly StoredFailure[]): boolean {
  const last = failures.findLast(({ judgement }) => judgement !== null)
  return last?.provider === position.provider && last.eventId === position.id
}
