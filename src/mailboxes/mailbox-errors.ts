/** The server refuses the login, the folder, or what is to be done there. No other attempt succeeds until somebody acts. */
export class MailboxRefusedError extends Error {
  override name = 'MailboxRefusedError'
}

/** The server gives no answer, or breaks off. Another attempt may succeed. The message holds no part of an answer, nor a password. */
export class MailboxUnreachableError extends Error {
  override name = 'MailboxUnreachableError'
}
