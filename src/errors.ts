/** Errors that cross rooms. Each says what to do; rooms with errors of their own keep them beside their code. */

/** The configuration cannot work. The message lists every mistake with the variable's name and what it wants. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError'
}

/** PostgreSQL cannot take or answer it now. Callers answer 503 with Retry-After; whoever sent it sends it again. */
export class DatabaseUnavailableError extends Error {
  override name = 'DatabaseUnavailableError'
}

/** Temporal cannot take or answer it now. Try again; events wait in the inbox meanwhile. */
export class TemporalUnavailableError extends Error {
  override name = 'TemporalUnavailableError'
}
