/** The durations of an email's lifecycle. They are inputs of the workflow, so that tests can shorten them. */
import type { Priority } from './events.ts'
import { isSettled, noRecipient, recipientKeysOf, type Snapshot } from './lifecycle.ts'

/** All in milliseconds. */
export interface LifecyclePolicy {
  /** Silence about delivery for this long is a stall. Counted from the receipt of the first event. */
  readonly stallAfterMs: Readonly<Record<Priority, number>>
  /** The second notice of an unacknowledged escalation is sent after this. */
  readonly escalationRepeatAfterMs: number
  /**
   * A run completes about this long after delivery has settled, if no notice is pending: events shortly after the delivery need
   * no further run then. See {@link closingWindow}.
   */
  readonly lingerAfterSettledMs?: number
  /** A run completes after this even if delivery never settled; counted like a stall. */
  readonly giveUpAfterMs: number
  /**
   * Replaces {@link lingerAfterSettledMs} in runs that versions before 0.4.0 started: how long the run stays open for opens and
   * clicks after delivery has settled. Such a run also stays open while an escalation is unresolved.
   */
  readonly engagementWindowMs?: number
  /**
   * Only in runs that versions before 0.4.0 started: statuses before the final one are not written to search attributes before
   * this, counted like a stall. Newer runs wait for the linger; those of 0.2.0 write every status.
   */
  readonly transitShownAfterMs?: number
}

/**
 * Until when statuses before the final one are not written to Temporal's search attributes; null if they are written. Most emails
 * are delivered by then, and each write costs an action and a write to the visibility store.
 * @param startedAt when the run started; all times are epoch milliseconds.
 */
export function transitHiddenUntil(snapshot: Snapshot, policy: LifecyclePolicy, startedAt: number): number | null {
  if (isSettled(snapshot)) return null
  if (policy.lingerAfterSettledMs !== undefined) return startedAt + policy.lingerAfterSettledMs
  const { transitShownAfterMs } = policy
  if (transitShownAfterMs === undefined || snapshot.firstReceivedAt === null) return null
  return snapshot.firstReceivedAt + transitShownAfterMs
}

/**
 * From when silence counts: the receipt of the first event, or the time for which the email is scheduled. An email that is sent
 * earlier than scheduled counts from then. Null before the first event.
 */
function silenceFrom({ firstReceivedAt, scheduledFor, sendingAt, sentAt, deliveredAt }: Snapshot): number | null {
  if (firstReceivedAt === null || scheduledFor === undefined) return firstReceivedAt
  const sent = [sendingAt, sentAt, deliveredAt].filter((at) => at !== null)
  return Math.max(firstReceivedAt, Math.min(scheduledFor, ...sent))
}

/** When silence becomes a stall; null once delivery is settled, and before the first event. Epoch milliseconds. */
export function stallDeadline(snapshot: Snapshot, policy: LifecyclePolicy): number | null {
  const from = silenceFrom(snapshot)
  if (isSettled(snapshot) || from === null) return null
  return Math.max(from, firstUnsettledSince(snapshot, from)) + policy.stallAfterMs[snapshot.priority]
}

/** From when the recipient that waits longest is known, of several: one that an event names later waits from then. */
function firstUnsettledSince(snapshot: Snapshot, from: number): number {
  const { recipients = {} } = snapshot
  if (recipientKeysOf(snapshot).length < 2) return from
  const unsettled = Object.entries(recipients).filter(
    ([key, { settledReceivedAt }]) => key !== noRecipient && settledReceivedAt === null,
  )
  return unsettled.length === 0
    ? from
    : Math.min(...unsettled.map(([, { firstReceivedAt }]) => firstReceivedAt ?? from))
}

/** When a run may complete if nothing is pending; epoch milliseconds. */
export interface ClosingWindow {
  /** From then on, if something else wakes the run. */
  readonly from: number
  /** The time for which a timer is started. */
  readonly planned: number
  /** A timer that fires by then is not replaced. */
  readonly until: number
}

/**
 * When a run may complete: after the linger, or when the email is given up. The linger may be half as long or half as long
 * again: a run starts one timer for the linger before delivery settles, and this tolerance makes a second timer unnecessary in
 * nearly all runs. Null before the first event.
 */
export function closingWindow(
  snapshot: Snapshot,
  policy: LifecyclePolicy,
  hasOpenEscalation: boolean,
): ClosingWindow | null {
  const from = silenceFrom(snapshot)
  if (from === null) return null
  const { lingerAfterSettledMs: lingerMs, engagementWindowMs = 0 } = policy
  const { settledReceivedAt: settledAt } = snapshot
  const giveUpAt = from + policy.giveUpAfterMs
  const exactly = (at: number) => ({ from: at, planned: at, until: at })
  if (settledAt === null) return exactly(giveUpAt)
  if (lingerMs === undefined)
    return exactly(hasOpenEscalation ? giveUpAt : Math.min(giveUpAt, settledAt + engagementWindowMs))
  const after = (share: number) => Math.min(giveUpAt, settledAt + Math.round(share * lingerMs))
  return { from: after(0.5), planned: after(1), until: after(1.5) }
}
