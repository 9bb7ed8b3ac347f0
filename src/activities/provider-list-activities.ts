/** Takes over what the providers' own suppression lists have, page by page. */
import { addFromProvider } from '../db/provider-lists.ts'
import type { ReconcileDependencies } from './dependencies.ts'
import { readLists } from './list-steps.ts'
import { providerFailure } from './provider-failure.ts'
import type { ProviderListActivities } from './scheduled-activities.ts'

export const createProviderListActivities = (
  dependencies: Pick<ReconcileDependencies, 'db' | 'providerApis' | 'clock'>,
): ProviderListActivities => ({
  providersWithLists: async () =>
    [...dependencies.providerApis].filter(([, { suppressionLists }]) => suppressionLists).map(([provider]) => provider),

  async mergeSuppressions({ provider }) {
    const api = dependencies.providerApis.get(provider)
    if (!api) return { listed: 0, added: 0 }
    return readLists({ dependencies, api }, provider, addFromProvider).catch((error) => {
      throw providerFailure(error)
    })
  },
})
