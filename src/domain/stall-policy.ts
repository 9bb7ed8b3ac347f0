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
  /**
   * What an email passes through on its way is not written to Temporal's search attributes before this, counted like a
   * stall: most emails are delivered by then, and each write is one more for Temporal's visibility store and one more action to
   * pay for. Lives that version 0.2.0 started have none, and write every step.
   */
  readonly transitShownAfterMs?: number
}

/** Nearly every email has settled by then. */
export const defaultTransitShownAfterMs = 30_000

/** Until when the steps of an email on its way are passed over in search attributes; null if they are not. Epoch milliseconds. */
export function transitHiddenUntil(snapshot: Snapshot, { transitShownAfterMs }: LifecyclePolicy): number | null {
  if (transitShownAfterMs === undefined || snapshot.firstReceivedAt === null || isSettled(snapshot)) return null
  return snapshot.firstReceivedAt + transitShownAfterMs
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
