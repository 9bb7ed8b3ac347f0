import { withDatabaseDeadline } from './database.ts'

/** The deadline for statements of a request: it is answered within 2 seconds, with 503 if PostgreSQL is unavailable. */
export const requestDeadlineMs = 1_800

/**
 * Runs a request's statements within the deadline. PostgreSQL cancels each of them after the same time: see `readPool`.
 * @throws DatabaseUnavailableError when PostgreSQL is unavailable or too slow.
 */
export const inTime = <T>(work: () => Promise<T>): Promise<T> => withDatabaseDeadline(requestDeadlineMs, work)
