/** Whom a new judgement of stored failures suppresses, and whom it releases. */
import { reachesSoftBounceLimit, softBounceLimitCode, softBounceWindowMs } from './bounce-policy.ts'
import type { ReceivedBounce } from './events.ts'
import { countsAsSoftBounce, type JudgedBounce } from './judge-bounce.ts'
import type { EventSuppressionReason } from './suppression.ts'

/** An applied bounce or complaint about a recipient. */
export interface StoredFailure {
  readonly provider: string
  readonly eventId: string
  readonly emailId: string
  /** Epoch milliseconds, by the provider's clock. */
  readonly occurredAt: number
  /** Epoch milliseconds, by the server's clock. */
  readonly receivedAt: number
  /** Whether the event itself names the recipient. A soft bounce that names nobody counts against nobody. */
  readonly isNamed: boolean
  readonly bounce: ReceivedBounce | null
  /** By the current rules; null for a complaint. */
  readonly judgement: JudgedBounce | null
}

/** An entry of the suppression list about a recipient, active or removed. */
export interface KnownSuppression {
  readonly id: string
  readonly reason: string
  /** The event that caused it; both are null for a manual or imported entry. */
  readonly provider: string | null
  readonly eventId: string | null
  /** Epoch milliseconds; null while it is active. */
  readonly removedAt: number | null
  readonly removedBy: string | null
}

/** Who ends and adds the suppressions that follow from a new judgement. */
export const rejudgementAuthor = 'rejudge'

/** A failure that is held against its recipient. */
interface HeldFailure {
  readonly failure: StoredFailure
  readonly reason: EventSuppressionReason
}

/** A change to a recipient's suppression: one ends, one starts, or one that ends is replaced. */
export interface SuppressionChange {
  readonly ends: KnownSuppression | null
  readonly starts: HeldFailure | null
  /** The failure whose judgement decided. */
  readonly cause: StoredFailure
}

/**
 * The change that follows from the judgements of a recipient's failures; null if none does. Only a suppression by a bounce ends. It is
 * replaced if another failure, or a complaint that came while it was active, is held against the recipient. What was received before
 * a person removed a suppression suppresses nobody.
 * @param failures all that are stored about the recipient, the oldest first.
 * @param suppressions all entries of the recipient.
 */
export function changeOf(
  failures: readonly StoredFailure[],
  suppressions: readonly KnownSuppression[],
): SuppressionChange | null {
  const pardonedAt = Math.max(...suppressions.map(removedByPersonAt))
  const held = failures.filter(({ receivedAt }) => receivedAt > pardonedAt).flatMap((each) => heldOf(each, failures))
  const active = suppressions.find(({ removedAt }) => removedAt === null)
  if (!active) {
    const starts = held.find(({ reason }) => reason !== 'complaint')
    return starts ? { ends: null, starts, cause: starts.failure } : null
  }
  if (active.reason !== 'hard_bounce' && active.reason !== 'repeated_soft_bounces') return null
  const behind = failures.find((each) => each.provider === active.provider && each.eventId === active.eventId)
  if (!behind || groundsOf(behind, failures) !== null) return null
  const [starts = null] = held
  return { ends: active, starts, cause: starts?.failure ?? lastSoftBounce(behind, failures) ?? behind }
}

const removedByPersonAt = ({ removedAt, removedBy }: KnownSuppression): number =>
  removedAt === null || removedBy === rejudgementAuthor ? Number.NEGATIVE_INFINITY : removedAt

function heldOf(failure: StoredFailure, all: readonly StoredFailure[]): HeldFailure[] {
  const reason = groundsOf(failure, all)
  return reason === null || reason === 'unknown' ? [] : [{ failure, reason }]
}

const isLimit = ({ bounce }: StoredFailure): boolean => bounce?.code === softBounceLimitCode

/**
 * Why a failure is held against its recipient; null if it is not. `unknown`: soft bounces reached the limit, but so few of them
 * are still stored that they cannot be counted again.
 */
function groundsOf(failure: StoredFailure, all: readonly StoredFailure[]): EventSuppressionReason | 'unknown' | null {
  if (failure.judgement === null) return 'complaint'
  if (failure.judgement.outcome === 'bounced' && !isLimit(failure)) return 'hard_bounce'
  if (!isLimit(failure) && !isCounted(failure)) return null
  const around = softBouncesAround(failure, all)
  if (reachesLimit(around.filter(isCounted))) return 'repeated_soft_bounces'
  return isLimit(failure) && !reachesLimit(around) ? 'unknown' : null
}

/** Whether it counts as one of the soft bounces that suppress a recipient on several days. */
const isCounted = (failure: StoredFailure): boolean =>
  failure.isNamed && !isLimit(failure) && failure.judgement?.outcome !== 'bounced' && countsAsSoftBounce(failure.bounce)

/** Whether it counts, or may have counted for older rules: those of versions before 0.5 counted every soft bounce. */
const mayCount = (failure: StoredFailure): boolean =>
  isCounted(failure) || (failure.isNamed && failure.bounce?.class === 'soft')

const reachesLimit = (failures: readonly StoredFailure[]): boolean =>
  reachesSoftBounceLimit(failures.map(({ occurredAt }) => occurredAt))

const softBouncesAround = ({ occurredAt }: StoredFailure, all: readonly StoredFailure[]): StoredFailure[] =>
  all.filter((each) => mayCount(each) && Math.abs(each.occurredAt - occurredAt) <= softBounceWindowMs)

/** The last of the soft bounces that led to a suppression: it says more than the event at the limit. */
const lastSoftBounce = (behind: StoredFailure, all: readonly StoredFailure[]): StoredFailure | undefined =>
  isLimit(behind)
    ? softBouncesAround(behind, all).findLast(({ occurredAt }) => occurredAt <= behind.occurredAt)
    : undefined
