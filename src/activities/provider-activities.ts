import { ApplicationFailure } from '@temporalio/activity'
import { insertEvents } from '../db/events.ts'
import { lifecycleEventOf } from '../domain/received-event.ts'
import { ProviderRefusedError, ProviderUnreachableError } from '../providers/provider.ts'
import { providerNamed } from '../providers/registry.ts'
import type { ActivityDependencies } from './create-activities.ts'
import { onDatabase } from './database-failure.ts'
import type { LifecycleActivities } from './lifecycle-activities.ts'

type ProviderActivities = Pick<LifecycleActivities, 'askProvider'>

export const createProviderActivities = ({ db, providerApis }: ActivityDependencies): ProviderActivities => ({
  async askProvider({ provider, emailId }) {
    const api = providerApis.get(provider)
    if (!api) {
      const note = `Nothing was heard of its delivery. The provider was not asked: ${whyNotAsked(provider)}.`
      return { note, events: [] }
    }
    const events = await api.fetchEvents(emailId).catch((error) => {
      throw providerFailure(error)
    })
    await onDatabase('ProviderAnswerRejected', () => insertEvents(db, events))
    return { note: 'The provider was asked and knows of no delivery.', events: events.map(lifecycleEventOf) }
  },
})

function whyNotAsked(provider: string): string {
  const entry = providerNamed(provider)
  return entry && !entry.isAskable ? `${entry.title} cannot be asked` : 'no API key is set'
}

/** Only the error's own words, which are ours: an answer's body may quote the recipient. */
function providerFailure(error: unknown): ApplicationFailure {
  const message = error instanceof Error ? error.message : 'the provider could not be asked'
  if (error instanceof ProviderRefusedError) return ApplicationFailure.nonRetryable(message, 'ProviderRefused')
  const retryAfterMs = error instanceof ProviderUnreachableError ? error.retryAfterMs : null
  // The server waits instead of a worker; past the activity's half minute, support is told without the provider's word.
  return ApplicationFailure.create({
    message,
    type: 'ProviderUnavailable',
    ...(retryAfterMs !== null && { nextRetryDelay: retryAfterMs }),
  })
}
