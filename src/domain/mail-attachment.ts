/** A part of a received mail that may be a report. Mail intake passes them on as they came, decoded from their transfer encoding. */
export interface MailAttachment {
  readonly filename: string | null
  /** As the mail says, without parameters: senders often write another one than it is. */
  readonly contentType: string
  readonly content: Buffer
}
