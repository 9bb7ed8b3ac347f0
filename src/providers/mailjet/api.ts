/** What Mailjet's API can be asked: about one email, and about all of a window. Its exclusion list is of marketing emails only. */
import type { ApiOptions, ProviderApi } from '../provider-api.ts'
import { createEventHistory } from './history.ts'
import { requestsTo } from './requests.ts'

/** @param options `apiKey` is the API key and the secret key, separated by a colon. */
export function createMailjetApi(options: ApiOptions): Required<Pick<ProviderApi, 'history'>> & ProviderApi {
  const requests = requestsTo(options)
  return {
    async fetchEvents({ emailId }) {
      // Mailjet answers 400 to any other.
      if (!/^\d+$/.test(emailId)) return []
      const message = await requests.message(emailId)
      return message?.ID === emailId ? requests.eventsOf(message) : []
    },
    history: createEventHistory(requests),
  }
}
