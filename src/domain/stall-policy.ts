/** How long each part of a life may take. Every duration is an input of the workflow, so that tests can shorten it. */
import type { Priority } from './events.ts'
import { isSettled, type Snapshot } from './lifecycle.ts'

/** All in milliseconds. */
export interface LifecyclePolicy {
  /** Silence about delivery for this long is a stall. Counted from when Aftersend first heard of the email. */
  readonly stallAfterMs: Readonly<Record<Priority, number>>
  /** An escalation that nobody acknowledged is told a second time after this. */
  readonly escalationRepeatAfterMs: number
  /** How long after delivery has settled opens and clicks are awaited. */
  readonly engagementWindowMs: number
  /** A life ends after this even if it never settled; counted like a stall. */
  readonly giveUpAfterMs: number
}

/** When silence becomes a stall; null once delivery is settled or nothing was heard yet. Epoch milliseconds. */
export function stallDeadline(snapshot: Snapshot, policy: LifecyclePolicy): number | null {
  if (isSettled(snapshot) || snapshot.firstReceivedAt === null) return null
  return snapshot.firstReceivedAt + policy.stallAfterMs[snapshot.priority]
}

/** When a life may close: at the end of the engagement window, or when it is given up. Epoch milliseconds. */
export function closingTime(snapshot: Snapshot, policy: LifecyclePolicy, hasOpenEscalation: boolean): number | null {
  if (snapshot.firstReceivedAt === null) return null
  const giveUpAt = snapshot.firstReceivedAt + policy.giveUpAfterMs
  if (snapshot.settledReceivedAt === null || hasOpenEscalation) return giveUpAt
  return Math.min(giveUpAt, snapshot.settledReceivedAt + policy.engagementWindowMs)
}
