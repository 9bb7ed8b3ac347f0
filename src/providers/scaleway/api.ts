/** Scaleway's API: asks about an email, reads the record of all, and the blocklists. */
import type { ReceivedEvent } from '../../domain/events.ts'
import type { ApiOptions, ProviderApi } from '../provider-api.ts'
import { emailForm, eventsProvenBy } from './email-status.ts'
import { historyThrough } from './history.ts'
import { createScalewayRequests } from './requests.ts'
import { suppressionListsThrough } from './suppression-lists.ts'
import { readLog } from './webhook-log.ts'

export type ScalewayApi = ProviderApi & Required<Pick<ProviderApi, 'history' | 'suppressionLists'>>

/** Of the emails of Scaleway. */
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function createScalewayApi(options: ApiOptions): ScalewayApi {
  const requests = createScalewayRequests(options)
  return {
    /** The events in the logs of the Project's webhooks, and what the email's status proves beyond them, under an ID of our own. */
    async fetchEvents({ emailId }) {
      if (!uuidForm.test(emailId)) return []
      const email = await requests.get(emailForm, `/emails/${emailId}`)
      if (email === null) return []
      const webhooks = await requests.webhooks(email.project_id)
      const logs = await Promise.all(webhooks.map(({ id }) => readLog(requests, id, 1, emailId)))
      const logged = logs.flatMap(({ events }) => events).filter((event) => event.emailId === emailId)
      const proven = eventsProvenBy(email, Date.now())
      return [...logged, ...proven.filter((event) => !logged.some((known) => isSameStep(known, event)))]
    },
    history: historyThrough(requests),
    suppressionLists: suppressionListsThrough(requests),
  }
}

const isSameStep = (one: ReceivedEvent, other: ReceivedEvent): boolean =>
  one.type === other.type && one.bounce?.isOver === other.bounce?.isOver
