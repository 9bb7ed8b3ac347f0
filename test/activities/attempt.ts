import { ApplicationFailure } from '@temporalio/common'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'

/** Runs an activity as its `attempt`-th attempt. */
export const onAttempt = <T>(attempt: number, activity: () => Promise<T>): Promise<T> =>
  new MockActivityEnvironment({ attempt }, { logger: new DefaultLogger('ERROR') }).run(activity)

/** The failure of an activity. */
export async function failureOf(activity: Promise<unknown>): Promise<ApplicationFailure> {
  const error = await activity.then(
    () => new Error('it did not fail'),
    (reason) => reason,
  )
  if (!(error instanceof ApplicationFailure)) throw error
  return error
}

/** Everything that Temporal records of a failure, as text. */
export const textOf = (failure: ApplicationFailure): string =>
  JSON.stringify([failure.message, failure.type, failure.details, failure.stack, String(failure.cause ?? '')])
