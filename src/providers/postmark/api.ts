/**
 * Postmark's API. Its answer about a message lists the deliveries, and names bounces only by their IDs; the bounce API has the facts of
 * bounces and complaints, also those of delays. Identities are those of the webhooks.
 */
import type { ApiOptions, ProviderApi } from '../provider-api.ts'
import { bouncesIn, deliveriesIn } from './answered-events.ts'
import { createEventHistory } from './history.ts'
import { createPostmarkRequests } from './requests.ts'
import { createSuppressionLists } from './suppression-lists.ts'

export type PostmarkApi = ProviderApi & Required<Pick<ProviderApi, 'history' | 'suppressionLists'>>

/**
 * Answers deliveries, bounces and complaints, as the webhooks report them. Left out is that Postmark has accepted a message, which no
 * webhook reports.
 */
export function createPostmarkApi(options: ApiOptions): PostmarkApi {
  const requests = createPostmarkRequests(options)
  return {
    async fetchEvents({ emailId }) {
      const message = await requests.message(emailId)
      if (message === null) return []
      const now = Date.now()
      return [...deliveriesIn(message, now), ...bouncesIn(await requests.bouncesOf(message), now)]
    },
    history: createEventHistory(requests),
    suppressionLists: createSuppressionLists(requests),
  }
}
