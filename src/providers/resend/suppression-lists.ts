/**
 * Resend's suppression list: `GET /suppressions` of its OpenAPI document (github.com/resend/resend-openapi, 1.5.0). It holds for the
 * whole team, and Resend sends to none of its addresses, whatever the origin
 * (resend.com/docs/dashboard/emails/email-suppressions).
 */
import { z } from 'zod'
import type { SuppressionReason } from '../../domain/suppression.ts'
import { listedAddress } from '../provider-answer.ts'
import type { ListedAddress, SuppressionLists } from '../provider-api.ts'
import type { ProviderHttp } from '../provider-http.ts'
import { answerOf, nextOf, pageForm, pagePath, requestsPerSecond } from './answers.ts'

const reasons = new Map<string, SuppressionReason>([
  ['bounce', 'hard_bounce'],
  ['complaint', 'complaint'],
  ['manual', 'manual'],
])

const entryForm = z.object({
  id: z.string().min(1),
  email: z.string(),
  origin: z.string(),
  created_at: z.string().nullish(),
})
const listForm = pageForm(entryForm)

export const suppressionListsThrough = (http: ProviderHttp): SuppressionLists => ({
  requestsPerSecond,

  async read(cursor) {
    const path = pagePath('/suppressions', cursor)
    const { json } = await http.request({ method: 'GET', path, isRepeatable: true })
    const page = answerOf(listForm, json)
    return { entries: page.data.flatMap(listedOf), next: nextOf(page) }
  },

  writing: {
    addressesPerCall: 100,
    add: async (entries) => {
      await http.request(
        batchOf(
          'add',
          entries.map(({ address }) => address),
        ),
      )
      return 1
    },
    remove: async (addresses) => {
      await http.request(batchOf('remove', addresses))
      return 1
    },
  },
})

/** `POST /suppressions/batch/add` and `/remove` name no reason: what is added has the origin `manual`. */
const batchOf = (change: 'add' | 'remove', emails: readonly string[]) =>
  ({ method: 'POST', path: `/suppressions/batch/${change}`, body: { emails }, isRepeatable: true }) as const

/** Nothing of an origin that is not documented: it may not be a reason against sending. */
const listedOf = ({ email, origin, created_at }: z.infer<typeof entryForm>): ListedAddress[] =>
  listedAddress(email, reasons.get(origin) ?? null, created_at)
