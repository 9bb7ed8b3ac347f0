/** The activities of work that comes round by itself, as its workflows see them. Types only: workflow code imports this file. */

export interface OverdueInput {
  /** How long a life may be late before it counts as lost; in milliseconds. */
  readonly graceMs: number
}

export interface RetentionInput {
  /** How long the JSON of events is kept; in milliseconds. */
  readonly payloadsAfterMs: number
  /** The same for addresses and subjects. */
  readonly addressesAfterMs: number
}

export interface EventMonthsInput {
  /** How long events are kept, in milliseconds; null: for ever. */
  readonly keptForMs: number | null
}

/** Every activity is idempotent: running it again after a crash changes nothing. */
export interface RecurringActivities {
  /** Starts the workflows of emails whose deadline has passed and that no workflow looks after. */
  wakeOverdueLives(input: OverdueInput): Promise<{ overdue: number; woken: number; hasMore: boolean }>
  /** Counts the hours that have ended or of which an email has changed, and forgets changes that nobody needs any more. */
  rollUpAnalytics(): Promise<{ hours: number }>
  /** Erases what is older than it is to be kept, in small batches; goes on where the last call stopped. */
  eraseByAge(input: RetentionInput): Promise<{ payloads: number; events: number; emails: number; hasMore: boolean }>
  /** Makes the months ahead by which events are stored, and drops old ones whole; never one in which an event still waits. */
  keepEventMonths(input: EventMonthsInput): Promise<{ made: number; dropped: string[]; forgotten: number }>
  /** Looks at rates, backlog and webhooks; opens incidents that have begun, and ends those that are over. */
  watchForIncidents(): Promise<{ raised: string[]; cleared: string[] }>
}
