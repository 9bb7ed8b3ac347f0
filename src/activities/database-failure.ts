/** How a failed statement is told to Temporal: by SQLSTATE, never in PostgreSQL's words, which may quote an address. */
import { ApplicationFailure, activityInfo } from '@temporalio/activity'
import { isUnavailable, sqlStateOf } from '../db/database.ts'

/** A snapshot that PostgreSQL refuses is tried this often, then its events are quarantined. */
const finalAttempt = 10

/**
 * Only this failure is ever final, since the workflow knows what to do with it. Any other would end the workflow; so it is
 * tried until somebody has mended the cause, and shows in the Web UI meanwhile.
 */
const snapshotRejected = 'SnapshotRejected'

/**
 * Runs statements for an activity.
 * @throws ApplicationFailure `DatabaseUnavailable` or `DatabaseConflict`, to be retried until it works; `rejectedAs` for
 * anything else; `SnapshotRejected` is non-retryable at the tenth attempt.
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
    nonRetryable: rejectedAs === snapshotRejected && activityInfo().attempt >= finalAttempt,
  })
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown error')
