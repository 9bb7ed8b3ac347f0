/** Failed statements as activity failures: by SQLSTATE, without PostgreSQL's message, which may quote an address. */
import { ApplicationFailure, activityInfo } from '@temporalio/activity'
import { isUnavailable, sqlStateOf } from '../db/database.ts'

/** A snapshot that PostgreSQL rejects this often is not tried again: its events are quarantined. */
const finalAttempt = 10

/**
 * The only failure that becomes final, since the workflow handles it. Any other one would fail the workflow, so it is retried
 * until its cause is fixed; the Web UI shows it meanwhile.
 */
const snapshotRejected = 'SnapshotRejected'

/**
 * Runs statements for an activity.
 * @throws ApplicationFailure `DatabaseUnavailable` or `DatabaseConflict`, or `rejectedAs` for any other error. All are
 * retryable, but `SnapshotRejected` from the tenth attempt on.
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
    message: state
      ? `PostgreSQL rejected the statement with SQLSTATE ${state}`
      : `the statement failed: ${nameOf(error)}`,
    type: rejectedAs,
    nonRetryable: rejectedAs === snapshotRejected && activityInfo().attempt >= finalAttempt,
  })
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown error')
