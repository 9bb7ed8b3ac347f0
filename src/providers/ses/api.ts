/**
 * The API of Amazon SES, by Amazon's service model (github.com/boto/botocore 1.43.67, sesv2 2019-09-27): `GetMessageInsights`, of emails in
 * accounts with Virtual Deliverability Manager, and `ListSuppressedDestinations`, `PutSuppressedDestination` and `DeleteSuppressedDestination`.
 *
 * There is no `history`: SES has one only as export jobs (`CreateExportJob` with `MESSAGE_INSIGHTS`), which leave a file in S3. Neither the
 * model nor Amazon's documentation publishes what is in that file: no columns, no JSON, not whether it has an event each or the last event of
 * an email, which is all that a job can be filtered by. What the file of an account holds could be guessed from one, and would be compared
 * with a guess. It holds 10,000 emails at most, in no published order, and like insights needs Virtual Deliverability Manager and would
 * have no `feedbackId` or SNS message ID, of which the webhooks' identities are made.
 */
import { AwsV4Signer } from 'aws4fetch'
import { z } from 'zod'
import type { SuppressionReason } from '../../domain/suppression.ts'
import { answersFrom, listedAddress } from '../provider-answer.ts'
import {
  type ApiOptions,
  EmailRefusedError,
  type ListedAddress,
  type ProviderApi,
  ProviderUnreachableError,
  type SuppressionLists,
} from '../provider-api.ts'
import { createProviderHttp, type ProviderHttp } from '../provider-http.ts'
import { sesErrorIn } from './api-errors.ts'
import { insightsForm, sesInsightsEvents } from './insights.ts'

/** SES executes each of these operations once a second. */
const requestsPerSecond = 1

const listForm = z.object({
  SuppressedDestinationSummaries: z.array(
    z.object({
      EmailAddress: z.string(),
      Reason: z.string(),
      LastUpdateTime: z.union([z.number(), z.string()]).nullish(),
    }),
  ),
  NextToken: z.string().nullish(),
})
type SuppressedDestination = z.infer<typeof listForm>['SuppressedDestinationSummaries'][number]

export type SesApi = ProviderApi & Required<Pick<ProviderApi, 'suppressionLists'>>

/** @param options with `keyId` and `region`; without them, SES refuses every request. */
export function createSesApi(options: ApiOptions): SesApi {
  const http = createProviderHttp({
    ...options,
    title: 'Amazon SES',
    keySetting: 'SES_ACCESS_KEY_ID, SES_API_KEY and SES_REGION',
    firstPauseMs: 1_000 / requestsPerSecond,
    authenticate: signedHeaders(options),
    errorIn: sesErrorIn,
  })
  return {
    /** SES reports emails to one recipient only: of others, as of emails that it does not know, there are no events. */
    async fetchEvents({ emailId }) {
      const path = `/v2/email/insights/${encodeURIComponent(emailId)}/`
      const answer = await http.request({ method: 'GET', path, isRepeatable: true }).catch(nullIfMalformed)
      if (answer === null || answer.status === 404) return []
      return sesInsightsEvents(emailId, answerOf(insightsForm, answer.json), Date.now())
    },
    suppressionLists: suppressionListsThrough(http),
  }
}

/** The list of the account, with bounces and complaints. Its pages have 1,000 addresses. */
const suppressionListsThrough = (http: ProviderHttp): SuppressionLists => ({
  requestsPerSecond,

  async read(cursor) {
    const query = cursor === null ? '' : `?NextToken=${encodeURIComponent(cursor)}`
    const path = `/v2/email/suppression/addresses${query}`
    const { status, json } = await http.request({ method: 'GET', path, isRepeatable: true }).catch(restartIfExpired)
    const list = answerOf(listForm, status === 404 ? undefined : json)
    return { entries: list.SuppressedDestinationSummaries.flatMap(listedAddressesIn), next: list.NextToken || null }
  },

  /** `PutSuppressedDestination` and `DeleteSuppressedDestination`, of one address each. SES knows two reasons: all but a complaint is a bounce. */
  writing: {
    addressesPerCall: 1,
    add: (entries) =>
      eachOf(entries, ({ address, reason }) => {
        const body = { EmailAddress: address, Reason: reason === 'complaint' ? 'COMPLAINT' : 'BOUNCE' }
        return http.request({ method: 'PUT', path: '/v2/email/suppression/addresses', body, isRepeatable: true })
      }),
    remove: (addresses) =>
      eachOf(addresses, (address) => {
        const path = `/v2/email/suppression/addresses/${encodeURIComponent(address)}`
        return http.request({ method: 'DELETE', path, isRepeatable: true })
      }),
  },
})

async function eachOf<Item>(items: readonly Item[], request: (item: Item) => Promise<unknown>): Promise<number> {
  for (const item of items) await request(item)
  return items.length
}

const reasons = new Map<string, SuppressionReason>([
  ['BOUNCE', 'hard_bounce'],
  ['COMPLAINT', 'complaint'],
])

/** Whatever the reason, SES does not send to the address. */
const listedAddressesIn = ({ EmailAddress, Reason, LastUpdateTime }: SuppressedDestination): ListedAddress[] =>
  listedAddress(EmailAddress, reasons.get(Reason) ?? 'manual', LastUpdateTime)

/** Signature version 4. */
const signedHeaders =
  ({ keyId, apiKey, region }: ApiOptions) =>
  async (request: { method: string; url: string; body?: string }): Promise<Record<string, string>> => {
    const credentials = { accessKeyId: keyId ?? '', secretAccessKey: apiKey, region: region ?? '', service: 'ses' }
    const { headers } = await new AwsV4Signer({ ...request, ...credentials }).sign()
    return Object.fromEntries(headers)
  }

const { answerOf } = answersFrom('Amazon SES')

const isRefusedAs = (error: unknown, reason: string): boolean =>
  error instanceof EmailRefusedError && error.reason === reason

/** An ID that SES cannot read is of no email that it knows. */
function nullIfMalformed(error: unknown): null {
  if (isRefusedAs(error, 'BadRequestException')) return null
  throw error
}

function restartIfExpired(error: unknown): never {
  if (!isRefusedAs(error, 'InvalidNextTokenException')) throw error
  throw new ProviderUnreachableError(
    'the place in the suppression list of Amazon SES has expired: read it from its start',
  )
}
