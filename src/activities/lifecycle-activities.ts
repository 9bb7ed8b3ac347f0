/** The activities that an email's workflow calls, as it sees them. Types only: workflow code imports this file. */

import type { Escalation, EscalationReason } from '../domain/escalation.ts'
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'
import type { Snapshot } from '../domain/lifecycle.ts'
import type { ReceivedBetween } from '../domain/received-between.ts'
import type { SuppressionReason } from '../domain/suppression.ts'

/** What PostgreSQL knows of a life. */
export interface StoredLife {
  readonly snapshot: Snapshot
  /** Counts the saves; 0 for an email that was never saved. */
  readonly revision: number
  readonly escalations: readonly Escalation[]
}

export interface SaveInput extends EmailKey {
  readonly snapshot: Snapshot
  readonly expectedRevision: number
  readonly eventIds: readonly string[]
  /** Workers of 0.2.0 did not say. */
  readonly receivedBetween?: ReceivedBetween
  /** For the Web UI: what this save changes, such as `sent → delivered, 2 events`. */
  readonly change: string
}

/** Stale: nothing was stored, since the stored life is another than the one that was folded on. */
export type SaveResult =
  | { readonly outcome: 'saved'; readonly change: string }
  | { readonly outcome: 'stale'; readonly life: StoredLife; readonly appliedEventIds: readonly string[] }

/** What follows from an event; `manual` follows from a person. */
export type EventSuppressionReason = Exclude<SuppressionReason, 'manual'>
export type SuppressionOutcome = 'suppressed' | 'already_suppressed' | 'recipient_unclear'

export interface NoticeInput extends EmailKey {
  readonly reason: EscalationReason
  /** 1 for the first notice. With the escalation it makes the idempotency key. */
  readonly notice: number
  readonly channel: string
}

/** Every activity is idempotent: running it again after a crash changes nothing. */
export interface LifecycleActivities {
  /** Stores snapshot and applied events in one statement. Non-retryable `SnapshotRejected` when the data can't be stored. */
  saveSnapshot(input: SaveInput): Promise<SaveResult>
  /** What is stored of the life: for a run that begins with a person's command rather than with events. */
  loadLife(email: EmailKey): Promise<StoredLife>
  /** Puts events aside that cannot be stored, with the reason. */
  quarantineEvents(input: EmailKey & { eventIds: readonly string[]; reason: string }): Promise<void>
  /** Asks whether this soft bounce is one too many for its recipient; if so, the hard bounce that follows from it. */
  countSoftBounce(input: EmailKey & { eventId: string }): Promise<LifecycleEvent | null>
  /** Puts the event's recipient on the suppression list. Keyed by address and event. */
  suppressRecipient(input: EmailKey & { eventId: string; reason: EventSuppressionReason }): Promise<SuppressionOutcome>
  /** Asks the provider what it knows, since the webhook may be lost. What it says is stored among the events first. */
  askProvider(email: EmailKey): Promise<{ note: string; events: LifecycleEvent[] }>
  /** Stores an escalation's state; answers with the channels on which support can be told. */
  recordEscalation(input: EmailKey & { escalation: Escalation }): Promise<{ channels: string[] }>
  /** Tells support on one channel, once per notice. Non-retryable `NoticeRefused` when the channel will never take it. */
  tellSupport(input: NoticeInput): Promise<'told' | 'told_before' | 'not_configured'>
}
