/** What takes a whole mail, however it comes: by HTTP, by SMTP or LMTP, or from a mailbox by IMAP. */

export interface IncomingMail {
  /** The bytes of the whole mail, headers first (RFC 5322). */
  readonly raw: Buffer
  /** To whom the mail was handed over by SMTP or LMTP; null if only its headers are known. */
  readonly envelope: { readonly to: readonly string[] } | null
  readonly project: string
  /** The further account whose intake received it, such as `eu`; null for the first one. */
  readonly account: string | null
}

export interface MailReceipt {
  /** New events. */
  readonly received: number
  /** Events that were known: the same report came before, or by another way. */
  readonly duplicates: number
  /** DMARC reports that were stored. */
  readonly reports: number
}

/**
 * Stores what a mail reports. Resolves after the commit. A mail that is about no email, and one that cannot be read, report nothing.
 * @throws DatabaseUnavailableError when the commit was not confirmed: the mail must be sent, or fetched, again.
 */
export type ReceiveMail = (mail: IncomingMail) => Promise<MailReceipt>
