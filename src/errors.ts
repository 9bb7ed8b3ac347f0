/** Errors that several rooms use. Each message says what to do. Other errors are defined beside their code. */

/** The configuration is not valid. The message lists every wrong variable, and what it must be. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError'
}

/** PostgreSQL does not answer. The API answers 503 with Retry-After, and clients retry. */
export class DatabaseUnavailableError extends Error {
  override name = 'DatabaseUnavailableError'
}

/** Temporal does not answer. Retryable; events stay pending in the inbox. */
export class TemporalUnavailableError extends Error {
  override name = 'TemporalUnavailableError'
}

/**
 * Temporal answers but refuses the request: a revoked key, a missing namespace or search attribute, an old server. The message
 * says what to do. Retried all the same: the cause affects all emails, and an operator fixes it.
 */
export class TemporalRefusedError extends TemporalUnavailableError {
  override name = 'TemporalRefusedError'
}

/**
 * Temporal accepts no more for this one workflow now, such as a second new run within a second, or while its run ends.
 * Retryable; other workflows are not affected.
 */
export class WorkflowBusyError extends TemporalUnavailableError {
  override name = 'WorkflowBusyError'
}

/** Another email of the project is registered, or sent, under this ID of the application. The API answers 409 and names it. */
export class ExternalIdTakenError extends Error {
  override name = 'ExternalIdTakenError'
  /** Null while the provider has not answered yet. */
  readonly emailId: string | null
  readonly provider: string

  constructor({ provider, emailId }: { readonly provider: string; readonly emailId: string | null }) {
    super('this externalId belongs to another email: use another one, or register that email again under its own id')
    this.provider = provider
    this.emailId = emailId
  }
}

/** An error's message, or its code: an AggregateError, with one error for each address of a host, has no message. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message || String('code' in error ? error.code : error.name) : String(error)

/** An error's message, followed by those of its causes. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${reasonOf(error.cause)}`
}
