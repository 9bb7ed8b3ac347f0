/** Errors of providers' APIs as activity failures. */
import { ApplicationFailure } from '@temporalio/activity'
import { EmailRefusedError, ProviderRefusedError, ProviderUnreachableError } from '../providers/provider-api.ts'

/** Only the error's own message: the response may quote the recipient. A refused key or request is final; anything else may be retried. */
export function providerFailure(error: unknown): ApplicationFailure {
  // Of the database.
  if (error instanceof ApplicationFailure) return error
  const message = error instanceof Error ? error.message : 'the provider gave no answer'
  if (error instanceof ProviderRefusedError || error instanceof EmailRefusedError)
    return ApplicationFailure.nonRetryable(message, 'ProviderRefused')
  const retryAfterMs = error instanceof ProviderUnreachableError ? error.retryAfterMs : null
  // The Temporal server waits, not a worker.
  return ApplicationFailure.create({
    message,
    type: 'ProviderUnavailable',
    ...(retryAfterMs !== null && { nextRetryDelay: retryAfterMs }),
  })
}
