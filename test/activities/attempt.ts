import { ApplicationFailure } from '@temporalio/common'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'

/** Carries an activity out as its `attempt`-th try. */
export const onAttempt = <T>(attempt: number, activity: () => Promise<T>): Promise<T> =>
  new MockActivityEnvironment({ attempt }, { logger: new DefaultLogger('ERROR') }).run(activity)

/** The failure that an activity ends with. */
export async function failureOf(activity: Promise<unknown>): Promise<ApplicationFailure> {
  const error = await activity.then(
    () => new Error('it did not fail'),
    (reason) => reason,
  )
  if (!(error instanceof ApplicationFailure)) throw error
  return error
}

/** All that a failure tells Temporal. */
export const wordsOf = (failure: ApplicationFailure): string =>
  JSON.stringify([failure.message, failure.type, failure.details, failure.stack, String(failure.cause ?? '')])
