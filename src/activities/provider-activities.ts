import { readAskedEmail } from '../db/emails-read.ts'
import { insertEvents } from '../db/events.ts'
import { readSignalledEvents } from '../db/signalled-events.ts'
import { plainProviderOf } from '../domain/project.ts'
import { apiKeyVariableOf, providerNamed } from '../providers/registry.ts'
import { onDatabase } from './database-failure.ts'
import type { ActivityDependencies } from './dependencies.ts'
import type { LifecycleActivities } from './lifecycle-activities.ts'
import { providerFailure } from './provider-failure.ts'

type ProviderActivities = Pick<LifecycleActivities, 'askProvider'>

export const createProviderActivities = ({ db, providerApis }: ActivityDependencies): ProviderActivities => ({
  async askProvider({ provider, emailId }) {
    const api = providerApis.get(provider)
    if (!api) {
      const note = `No delivery was reported. The provider was not asked: ${whyNotAsked(provider)}.`
      return { note, events: [] }
    }
    const asked = await onDatabase('EmailUnreadable', () => readAskedEmail(db, { provider, emailId }))
    const answered = await api.fetchEvents(asked).catch((error) => {
      throw providerFailure(error)
    })
    // The API does not know of projects.
    const events = answered.map((event) => ({ ...event, provider, foundBy: 'asking' as const }))
    const ids = events.map(({ id }) => id)
    const stored = await onDatabase('ProviderAnswerRejected', async () => {
      await insertEvents(db, events)
      // An event that a webhook or an earlier attempt has stored keeps its time.
      return readSignalledEvents(db, provider, ids)
    })
    return { note: 'The provider was asked, and reports no delivery.', events: stored }
  },
})

/** A mapped sender has no entry here, since workers do not read the mappings, and no API either. */
function whyNotAsked(provider: string): string {
  const variable = apiKeyVariableOf(provider)
  if (variable !== null) return `no API key is set (${variable})`
  return `Aftersend knows no API of ${providerNamed(provider)?.title ?? plainProviderOf(provider)} that says what became of an email`
}
