/** How a failed statement is told to Temporal: by SQLSTATE, never in PostgreSQL's words, which may quote an address. */
import { ApplicationFailure, activityInfo } from '@temporalio/activity'
import { isUnavailable, sqlStateOf } from '../db/database.ts'

/** Failures with causes of their own, such as broken data, are tried this often before they count as final. */
const finalAttempt = 10

/**
 * Runs statements for an activity.
 * @throws ApplicationFailure `DatabaseUnavailable` or `DatabaseConflict`, to be retried until it works; `rejectedAs` for
 * anything else, non-retryable at the tenth attempt.
 */
export async function onDatabase<T>(rejectedAs: string, statements: () => Promise<T>): Promise<T> {
  try {
    return await statements()
  } catch (error) {
    throw databaseFailure(error, rejectedAs)
  }
}

function databaseFailure(error: unknown, rejectedAs: string): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error
  if (isUnavailable(error)) return ApplicationFailure.retryable('PostgreSQL is unreachable', 'DatabaseUnavailable')
  const state = sqlStateOf(error)
  if (state?.startsWith('40')) return ApplicationFailure.retryable(`SQLSTATE ${state}`, 'DatabaseConflict')
  return ApplicationFailure.create({
    message: state ? `PostgreSQL refused it with SQLSTATE ${state}` : `the statement failed: ${nameOf(error)}`,
    type: rejectedAs,
    nonRetryable: activityInfo().attempt >= finalAttempt,
  })
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown error')
