/** SendGrid's API: asks its Email Logs about an email, reads their history, and its lists of addresses. */
import { type ApiOptions, type ProviderApi, ProviderUnreachableError } from '../provider-api.ts'
import { readInGroups } from './concurrency.ts'
import { createEmailLogs, isSearchable } from './email-logs.ts'
import { historyIn } from './history.ts'
import { createSendgridHttp, withDeadline } from './http.ts'
import { suppressionListsThrough } from './suppression-lists.ts'
import { sendgridEmailIdOf } from './webhook.ts'

export type SendgridApi = ProviderApi & Required<Pick<ProviderApi, 'history' | 'suppressionLists'>>

/** The time of the search. An email is known up to 72 hours before SendGrid sends it, or as long after it with the first webhook. */
const searchedMs = 4 * 86_400_000

/** The caller's ten seconds are for all requests together. */
const defaultTimeoutMs = 8_000

export function createSendgridApi(options: ApiOptions): SendgridApi {
  const http = createSendgridHttp(options)
  const { timeoutMs = defaultTimeoutMs } = options
  return {
    /**
     * Email Logs cannot be searched by the email's ID, only by recipient and time: all messages to its recipients are searched for those
     * whose `sg_message_id` begins with it. Events have the webhooks' identities. A `dropped` event has no `status`, so its bounce may
     * have no code. Of a message with more than 100 events, the oldest are missing.
     * @throws ProviderUnreachableError for an email without known recipients: SendGrid may know more of it than nothing.
     */
    async fetchEvents({ emailId, recipients, since }) {
      const searched = recipients.filter(isSearchable)
      if (searched.length === 0) {
        throw new ProviderUnreachableError('SendGrid is searched by recipient, and none is known', {
          mayHaveArrived: false,
        })
      }
      const logs = createEmailLogs(withDeadline(http, timeoutMs))
      const [from, to] = [since - searchedMs, since + searchedMs]
      const found = await readInGroups(searched, (recipient) => logs.findAll({ from, to, recipient }))
      const messageIds = new Set(found.map(({ id }) => id).filter((id) => mayBelongTo(emailId, id)))
      const events = await readInGroups([...messageIds], logs.readEvents)
      return events.filter((event) => event.emailId === emailId)
    },
    history: historyIn(createEmailLogs(http)),
    suppressionLists: suppressionListsThrough(http),
  }
}

/** Of a message whose ID does not name its email, only an event may: in `smtp-id`. */
function mayBelongTo(emailId: string, messageId: string): boolean {
  const named = sendgridEmailIdOf(messageId)
  return named === emailId || named === messageId
}
