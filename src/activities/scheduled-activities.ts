/** The activities of the scheduled jobs. Types only, since workflow code imports this file. */
import type { OverduePosition } from '../db/overdue-emails.ts'

export interface OverdueInput {
  /** How long a deadline must be overdue until the email's workflow counts as lost; in milliseconds. */
  readonly graceMs: number
  /** Where the previous page ended. Default: the first page. */
  readonly after?: OverduePosition
}

/** The result of one page of overdue emails. */
export interface OverduePage {
  readonly overdue: number
  readonly woken: number
  /** Where the page ended; null after the last page. */
  readonly next?: OverduePosition | null
  /** Workers before 0.4.0 return this in place of `next`. */
  readonly hasMore?: boolean
}

export interface RecipientDomainsInput {
  /** The last domain of the previous page. Default: the first page. */
  readonly after?: string
}

/** Every activity is idempotent: a second attempt changes nothing. */
export interface ScheduledActivities {
  /** Starts the workflows of one page of overdue emails, where none is running. */
  wakeOverdueLives(input: OverdueInput): Promise<OverduePage>
  /** Rolls up the hours that have ended or in which an email has changed, and prunes the log of changes. */
  rollUpAnalytics(): Promise<{ hours: number }>
  /** Erases what is past its retention, in small batches. Continues where the last call stopped. */
  eraseByAge(): Promise<{ payloads: number; events: number; emails: number; hasMore: boolean }>
  /** Creates the partitions of the next months, and drops old ones, but none with a pending event. */
  keepEventMonths(): Promise<{ made: number; dropped: string[]; forgotten: number }>
  /** Finds the mailbox providers of one page of the domains that emails went to. Continues after `next`, unless it is null. */
  lookUpRecipientDomains(input: RecipientDomainsInput): Promise<{ lookedUp: number; next: string | null }>
  /** Sends the digests that are due, and shows changes that were missed. What a channel does not take, a later call tries again. */
  serveChannels(): Promise<{ digests: number; changes: number; failed: number }>
  /** Starts the workflow of each endpoint with a URL, where none is running, and deletes those from which nobody pulls any more. */
  startEndpoints(): Promise<{ started: number }>
  /** Measures rates and webhooks; raises incidents that have started, and clears those that have ended. */
  watchForIncidents(): Promise<{ raised: string[]; cleared: string[] }>
}

/** Of the workflows that reconcile with providers. */
export interface ReconcileActivities {
  /** Starts the workflow of each provider that has a record to compare, where none is running. @returns for which it did. */
  startReconciliations(): Promise<{ started: string[] }>
  /** Compares the next pages of the provider's record with ours, and stores what is missing, unless it is a dry run. */
  reconcileNext(input: {
    readonly provider: string
  }): Promise<{ readonly isDone: boolean; readonly compared: number; readonly missing: number }>
}

/** How many addresses the lists of a provider have, and how many of them were added to ours. */
export interface MergedLists {
  readonly listed: number
  readonly added: number
}

/** Of the workflow that takes over the providers' own suppression lists. */
export interface ProviderListActivities {
  /** The providers whose lists can be read. */
  providersWithLists(): Promise<string[]>
  /** Suppresses the addresses on all lists of a provider that are not on ours. */
  mergeSuppressions(input: { readonly provider: string }): Promise<MergedLists>
}

/** Of the workflow that exports data. */
export interface ExportActivities {
  /** Writes hours that are complete, oldest first, for some minutes. Continues where the last call stopped. @returns how many hours. */
  exportNext(): Promise<{ events: number; emails: number; hasMore: boolean }>
}
