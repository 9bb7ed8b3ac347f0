/**
 * MailerSend's suppression lists, `GET /v1/suppressions/…` (developers.mailersend.com/api/v1/email/recipients). Left out are the on-hold list,
 * whose recipients MailerSend sends to again, and patterns of the blocklist. They are read alone: an entry is removed by its ID, which only the
 * whole list has.
 */
import { z } from 'zod'
import type { SuppressionReason } from '../../domain/suppression.ts'
import { jsonIn } from '../fields.ts'
import { listedAddress } from '../provider-answer.ts'
import type { ListedAddress, SuppressionLists } from '../provider-api.ts'
import { type MailersendRequests, pageSize, requestsPerSecond } from './requests.ts'

const lists: readonly (readonly [name: string, reason: SuppressionReason])[] = [
  ['hard-bounces', 'hard_bounce'],
  ['spam-complaints', 'complaint'],
  ['unsubscribes', 'manual'],
  ['blocklist', 'manual'],
]

const listForm = z.object({
  data: z.array(
    z.object({
      created_at: z.string().nullish(),
      recipient: z.object({ email: z.string() }).nullish(),
      /** Of the blocklist: `exact` or `pattern`. */
      type: z.string().nullish(),
      pattern: z.string().nullish(),
    }),
  ),
})
type Entry = z.infer<typeof listForm>['data'][number]

/** The list's index, and the page. */
const cursorForm = z.tuple([z.int().min(0), z.int().min(1)])

export const suppressionListsThrough = (requests: MailersendRequests): SuppressionLists => ({
  requestsPerSecond,

  async read(cursor) {
    const [index, page] = cursor === null ? [0, 1] : cursorForm.parse(jsonIn(cursor))
    const [name, reason] = lists[index] ?? []
    if (!name || !reason) throw new RangeError('there is no such page')
    const answer = await requests.get(listForm, `/suppressions/${name}?limit=${pageSize}&page=${page}`)
    const found = answer?.data ?? []
    const next = found.length === pageSize ? [index, page + 1] : [index + 1, 1]
    return {
      entries: found.flatMap((entry) => listedIn(entry, reason)),
      next: next[0] === lists.length ? null : JSON.stringify(next),
    }
  },
})

function listedIn({ recipient, type, pattern, created_at }: Entry, reason: SuppressionReason): ListedAddress[] {
  return listedAddress(recipient?.email ?? (type === 'exact' ? (pattern ?? '') : ''), reason, created_at)
}
