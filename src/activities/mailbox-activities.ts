/** The activities of the workflows that read mailboxes. Types only, since workflow code imports this file. */

/** What one call has read. Counts alone: what mails say is stored, and enters no history. */
export interface MailboxRead {
  /** After which the next call is due, in milliseconds: 0 if there is more to read. Null: no mailbox of this name is configured any more. */
  readonly nextInMs: number | null
  readonly mails: number
  /** New events, events that were known, and DMARC reports. */
  readonly received: number
  readonly duplicates: number
  readonly reports: number
  /** Mails that are left in the mailbox as they were: too large, or not to be stored. */
  readonly skipped: number
}

export interface MailboxActivities {
  /** The names of the mailboxes that are to be read. Idempotent: it changes no more than which failures are over. */
  configuredMailboxes(): Promise<string[]>
  /**
   * Reads what is new in a mailbox for up to a minute, from the stored cursor, stores what it reports, and then moves the cursor. Idempotent:
   * a mail that is read again reports events that are known.
   */
  readMailbox(input: { readonly mailbox: string }): Promise<MailboxRead>
}
