/**
 * Support could not be told this time; telling again may work. The message names what answered and how, never a URL, an
 * address or the far side's words: it ends up in Temporal histories and logs, and so it carries no `cause`.
 */
export class SupportUnreachableError extends Error {
  override name = 'SupportUnreachableError'
}
