/** Lettermint's suppression list, `GET /suppressions` (docs.lettermint.co/api-reference/team/suppression). */
import { z } from 'zod'
import { normalizeAddress } from '../../domain/address.ts'
import type { SuppressionReason } from '../../domain/suppression.ts'
import { jsonIn } from '../fields.ts'
import { listedAddress } from '../provider-answer.ts'
import type { ListedAddress, ListWriting, SuppressionLists } from '../provider-api.ts'
import { type LettermintRequests, writesPerSecond } from './requests.ts'

const listForm = z.object({
  data: z.array(
    z.object({
      id: z.string().min(1),
      /** `email`, `domain`, `extension`. */
      type: z.string(),
      value: z.string(),
      reason: z.string(),
      /** `global`, `team`, `project`, `route`. */
      scope: z.string(),
      created_at: z.string().nullish(),
    }),
  ),
  next_cursor: z.string().nullish(),
})
type Entry = z.infer<typeof listForm>['data'][number]

const reasons = new Map<string, SuppressionReason>([
  ['hard_bounce', 'hard_bounce'],
  ['spam_complaint', 'complaint'],
])

const cursorForm = z.string()

/** A hard bounce and a complaint concern the address, whatever their scope. Of the others, those of one project or route are left out. */
export const suppressionListsThrough = (requests: LettermintRequests): SuppressionLists => ({
  requestsPerSecond: writesPerSecond,

  async read(cursor) {
    const answer = await requests.get(listForm, '/suppressions', {
      ...{ sort: 'created_at', 'page[size]': '100' },
      ...(cursor !== null && { 'page[cursor]': cursorForm.parse(jsonIn(cursor)) }),
    })
    return {
      entries: (answer?.data ?? []).filter(isOfAllEmails).flatMap(listedIn),
      next: answer?.next_cursor ? JSON.stringify(answer.next_cursor) : null,
    }
  },

  writing: writingThrough(requests),
})

const isOfAllEmails = ({ type, reason, scope }: Entry): boolean =>
  type === 'email' && (reasons.has(reason) || scope === 'team' || scope === 'global')

const listedIn = ({ value, reason, created_at }: Entry): ListedAddress[] =>
  listedAddress(value, reasons.get(reason) ?? 'manual', created_at)

/** Adds for the whole team. What is there already is skipped. */
const writingThrough = (requests: LettermintRequests): ListWriting => ({
  // "maxItems: 1000".
  addressesPerCall: 1_000,

  async add(entries) {
    let count = 0
    for (const word of [...reasons.keys(), 'manual']) {
      const emails = entries.filter(({ reason }) => wordOf(reason) === word).map(({ address }) => address)
      if (emails.length === 0) continue
      await requests.change('POST', '/suppressions', { reason: word, scope: 'team', emails })
      count += 1
    }
    return count
  },

  async remove(addresses) {
    let count = 0
    for (const address of addresses) {
      const found = await requests.get(listForm, '/suppressions', { 'filter[value]': address, 'page[size]': '100' })
      const entries = (found?.data ?? []).filter(({ value }) => normalizeAddress(value) === address)
      for (const { id } of entries) await requests.change('DELETE', `/suppressions/${encodeURIComponent(id)}`)
      count += 1 + entries.length
    }
    return count
  },
})

const wordOf = (reason: SuppressionReason): string => [...reasons].find(([, ours]) => ours === reason)?.[0] ?? 'manual'
