/**
 * The requests to Postmark's API, and the forms of its answers. Sources: postmarkapp.com/developer/api (messages, bounces, message streams,
 * suppressions, error codes), and the models of ActiveCampaign's postmark.js 4.0.7.
 */
import { z } from 'zod'
import { answersFrom } from '../provider-answer.ts'
import { type ApiOptions, EmailRefusedError, ProviderUnreachableError } from '../provider-api.ts'
import { createProviderHttp, type ProviderHttp } from '../provider-http.ts'

const eventForm = z.object({
  Recipient: z.string(),
  /** `Delivered`, `Transient`, `Bounced`, `Opened`, `LinkClicked`, `SubscriptionChanged`. */
  Type: z.string(),
  ReceivedAt: z.string(),
  Details: z.record(z.string(), z.unknown()).nullish(),
})
const messageForm = z.object({
  MessageID: z.string().min(1),
  MessageStream: z.string().nullish(),
  Subject: z.string().nullish(),
  Tag: z.string().nullish(),
  Metadata: z.record(z.string(), z.unknown()).nullish(),
  MessageEvents: z.array(eventForm),
})
export type PostmarkMessage = z.infer<typeof messageForm>

const messagesForm = z.object({ Messages: z.array(z.object({ MessageID: z.string().min(1), ReceivedAt: z.string() })) })
const bouncesForm = z.object({ Bounces: z.array(z.record(z.string(), z.unknown())) })
const streamsForm = z.object({
  MessageStreams: z.array(z.object({ ID: z.string().min(1), MessageStreamType: z.string() })),
})
const suppressionsForm = z.object({
  Suppressions: z.array(
    z.object({
      EmailAddress: z.string(),
      SuppressionReason: z.string(),
      Origin: z.string().nullish(),
      CreatedAt: z.string().nullish(),
    }),
  ),
})
export type PostmarkSuppression = z.infer<typeof suppressionsForm>['Suppressions'][number]

/** The filters of a search by time. Both times are epoch milliseconds, and the answer may hold more, near both. */
interface SearchedPage {
  readonly stream: string
  readonly from: number
  readonly to: number
  readonly count: number
  readonly offset: number
}

/** All throw ProviderRefusedError or ProviderUnreachableError. */
export interface PostmarkRequests {
  /** Null if Postmark does not know the message, or not any more. */
  message(messageId: string): Promise<PostmarkMessage | null>
  /** The messages that Postmark received in a time, the newest first. */
  messages(page: SearchedPage): Promise<z.infer<typeof messagesForm>['Messages']>
  /** Bounces and complaints by their own time, the newest first. */
  bounces(page: SearchedPage): Promise<z.infer<typeof bouncesForm>['Bounces']>
  bouncesOf(message: PostmarkMessage): Promise<z.infer<typeof bouncesForm>['Bounces']>
  /** The streams through which emails are sent. */
  streams(): Promise<readonly { readonly id: string; readonly isBroadcast: boolean }[]>
  /** The whole list of a stream: the API has no pages for it. */
  suppressions(stream: string): Promise<readonly PostmarkSuppression[]>
  /** Adds addresses to the list of a stream, or removes them. An address whose state cannot change is passed over. */
  changeSuppressions(stream: string, change: 'add' | 'remove', addresses: readonly string[]): Promise<void>
}

/** The most that a change of a list may have (postmarkapp.com/developer/api/suppressions-api). */
export const addressesPerChange = 50

/** The longest page of a search. */
export const maxCount = 500

/** A search reaches so many results, by count and offset together. */
export const searchLimit = 10_000

/** A message of 10 MB, the longest that Postmark sends, is in its details several times: as text, as HTML and as its source. */
const maxMessageBytes = 32 * 1_048_576

/** More than 200,000 entries. */
const maxListBytes = 32 * 1_048_576

/** An email takes two requests, one after the other, and the activity that asks has 10 seconds. */
const defaultTimeoutMs = 4_500

const { answerOf, undocumentedAnswer } = answersFrom('Postmark')

export { undocumentedAnswer }

export function createPostmarkRequests(options: ApiOptions): PostmarkRequests {
  const http = createProviderHttp({
    ...{ timeoutMs: defaultTimeoutMs, ...options, title: 'Postmark', keySetting: 'POSTMARK_API_KEY' },
    authenticate: async () => ({ 'x-postmark-server-token': options.apiKey }),
  })
  return {
    message: (messageId) => readMessage(http, messageId),
    messages: async (page) =>
      (await read(http, `/messages/outbound?${queryOf(page)}`, messagesForm, maxMessageBytes)).Messages,
    bounces: async (page) => (await read(http, `/bounces?${queryOf(page)}`, bouncesForm, maxMessageBytes)).Bounces,
    async bouncesOf({ MessageID, MessageStream }) {
      const query = new URLSearchParams({ messageID: MessageID, count: String(maxCount), offset: '0' })
      // Without a stream, only the default one is searched.
      if (MessageStream) query.set('messagestream', MessageStream)
      return (await read(http, `/bounces?${query}`, bouncesForm, maxMessageBytes)).Bounces
    },
    async streams() {
      const { MessageStreams: streams } = await read(http, '/message-streams', streamsForm)
      return streams
        .filter(({ MessageStreamType: type }) => type !== 'Inbound')
        .map(({ ID: id, MessageStreamType: type }) => ({ id, isBroadcast: type === 'Broadcasts' }))
    },
    async suppressions(stream) {
      const path = `/message-streams/${encodeURIComponent(stream)}/suppressions/dump`
      return (await read(http, path, suppressionsForm, maxListBytes)).Suppressions
    },
    async changeSuppressions(stream, change, addresses) {
      const path = `/message-streams/${encodeURIComponent(stream)}/suppressions${change === 'remove' ? '/delete' : ''}`
      const body = { Suppressions: addresses.map((EmailAddress) => ({ EmailAddress })) }
      await http.request({ method: 'POST', path, body, isRepeatable: true })
    },
  }
}

/** 12: "Resource not found"; 701: "Message doesn't exist". */
const unknownMessageCodes = ['12', '701']

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

async function readMessage(http: ProviderHttp, messageId: string): Promise<PostmarkMessage | null> {
  try {
    const path = `/messages/outbound/${encodeURIComponent(messageId)}/details`
    return await read(http, path, messageForm, maxMessageBytes)
  } catch (error) {
    if (!(error instanceof RefusedRequestError)) throw error
    const { status, reason } = error
    // Which code an ID gets that is no UUID is not published.
    const isUnknown = status === 404 || unknownMessageCodes.includes(reason ?? '') || !uuidForm.test(messageId)
    if (isUnknown) return null
    throw error
  }
}

/** Postmark refuses a request that should be a right one. */
class RefusedRequestError extends ProviderUnreachableError {
  readonly status: number
  readonly reason: string | null

  constructor(status: number, reason: string | null) {
    super(`Postmark refuses the request with ${status}${reason === null ? '' : `, error code ${reason}`}`)
    this.status = status
    this.reason = reason
  }
}

async function read<T>(http: ProviderHttp, path: string, form: z.ZodType<T>, maxAnswerBytes?: number): Promise<T> {
  const { status, json } = await http
    .request({ method: 'GET', path, isRepeatable: true, ...(maxAnswerBytes !== undefined && { maxAnswerBytes }) })
    .catch((error) => {
      throw error instanceof EmailRefusedError ? new RefusedRequestError(error.status, error.reason) : error
    })
  if (status === 404) throw new RefusedRequestError(status, null)
  return answerOf(form, json)
}

const queryOf = ({ stream, from, to, count, offset }: SearchedPage): URLSearchParams =>
  new URLSearchParams({
    messagestream: stream,
    fromdate: easternTime(from - rangeOfDoubt(from)),
    todate: easternTime(to + rangeOfDoubt(to) + almostOneSecondMs),
    count: String(count),
    offset: String(offset),
  })

/** The filters have whole seconds. */
const almostOneSecondMs = 999
const hourMs = 3_600_000

const easternFormat = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'America/New_York',
  dateStyle: 'short',
  timeStyle: 'medium',
})

/** The filters are in Eastern Time, written without a zone: `2021-01-01T12:00:00`. */
const easternTime = (at: number): string => easternFormat.format(at).replace(' ', 'T')

/** An hour of an autumn night occurs twice, and its local time does not say which is meant. A search near it reaches one hour further. */
function rangeOfDoubt(at: number): number {
  const localMs = (time: number) => Date.parse(`${easternTime(time)}Z`)
  return localMs(at + hourMs) - localMs(at - hourMs) === 2 * hourMs ? 0 : hourMs
}
