/**
 * A notice could not be delivered; a retry may help. The message enters Temporal histories and logs, so it never contains a
 * URL, an address or the receiver's text, and there is no `cause`.
 */
export class SupportUnreachableError extends Error {
  override name = 'SupportUnreachableError'
  /** What the receiver asks to wait, in milliseconds; null if it does not say. */
  readonly retryAfterMs: number | null

  constructor(message: string, retryAfterMs: number | null = null) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}
