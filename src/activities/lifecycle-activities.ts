/** The activities of the email and incident workflows. Types only, since workflow code imports this file. */

import type { Escalation, UndeliveredNotice } from '../domain/escalation.ts'
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'
import type { Snapshot } from '../domain/lifecycle.ts'
import type { ReceivedBetween } from '../domain/received-between.ts'
import type { EventSuppressionReason, SuppressionOutcome } from '../domain/suppression.ts'

/** What PostgreSQL stores of an email for its workflow. */
export interface StoredEmailState {
  readonly snapshot: Snapshot
  /** Counts the saves; 0 for an email that was never saved. */
  readonly revision: number
  readonly escalations: readonly Escalation[]
}

export interface LoadInput extends EmailKey {
  /** Events to check: are they applied? */
  readonly eventIds?: readonly string[]
}

export interface LoadedEmailState extends StoredEmailState {
  /** Those of {@link LoadInput.eventIds} that are stored and not applied. Absent from workers before 0.4.0. */
  readonly unappliedEventIds?: readonly string[]
  /** Notices that a channel has neither accepted nor rejected. Absent from workers before 0.4.0. */
  readonly undelivered?: readonly UndeliveredNotice[]
}

interface SaveInput extends EmailKey {
  readonly snapshot: Snapshot
  readonly expectedRevision: number
  readonly eventIds: readonly string[]
  /** The keys of the recipients that the events have changed. Absent before 0.5: all are stored. */
  readonly changedRecipients?: readonly string[]
  /** Absent in 0.2.0. */
  readonly receivedBetween?: ReceivedBetween
  /** For the Web UI: what this save changes, such as `sent → delivered, 2 events`. */
  readonly change: string
}

/** Stale: nothing was stored, since the stored revision is not the expected one. `life` is what is stored. */
export type SaveResult =
  | { readonly outcome: 'saved'; readonly change: string }
  | { readonly outcome: 'stale'; readonly life: LoadedEmailState; readonly appliedEventIds: readonly string[] }

interface EscalationRecord {
  /** The channels to send the notice on. */
  readonly channels: string[]
  /** The stored version. Absent from workers before 0.4.0. */
  readonly version?: number
  /** The stored state, if it is newer: then nothing was written. */
  readonly conflict?: Escalation
  /** The channels with a message that must show the change. Absent for none, and from workers before 0.5. */
  readonly following?: string[]
}

/** Every activity is idempotent: a second attempt changes nothing. */
export interface LifecycleActivities {
  /** Stores the snapshot and marks the events applied, in one statement. Non-retryable `SnapshotRejected` if the data cannot be stored. */
  saveSnapshot(input: SaveInput): Promise<SaveResult>
  /** Reads the stored state, for a run that starts without events to save. */
  loadLife(input: LoadInput): Promise<LoadedEmailState>
  /** Quarantines events whose snapshot cannot be stored, with the reason. */
  quarantineEvents(input: EmailKey & { eventIds: readonly string[]; reason: string }): Promise<void>
  /** Counts a recipient's soft bounces. At the limit it stores a hard bounce, and returns it. */
  countSoftBounce(input: EmailKey & { eventId: string }): Promise<LifecycleEvent | null>
  /** Adds the event's recipient to the suppression list. Keyed by address and event. */
  suppressRecipient(input: EmailKey & { eventId: string; reason: EventSuppressionReason }): Promise<SuppressionOutcome>
  /** Fetches the email's events from the provider, in case a webhook was lost, and stores them. */
  askProvider(email: EmailKey): Promise<{ note: string; events: LifecycleEvent[] }>
  /** Stores an escalation's state, unless the stored one is newer. Returns the channels to notify. */
  recordEscalation(input: EmailKey & { escalation: Escalation }): Promise<EscalationRecord>
  /**
   * Sends a notice on one channel, once, or shows a change there: the state at that time, so that a later change is shown by an earlier
   * call too. Non-retryable `NoticeRefused` if the channel rejects it for good.
   */
  tellSupport(
    input: EmailKey & UndeliveredNotice,
  ): Promise<'told' | 'told_before' | 'skipped' | 'held' | 'not_configured'>
}
