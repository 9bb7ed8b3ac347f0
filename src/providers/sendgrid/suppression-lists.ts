/**
 * SendGrid's own lists of addresses, by its OpenAPI document (github.com/twilio/sendgrid-oai, tsg_suppressions_v3 1.0.0, January 2026).
 * Left out: blocks, since SendGrid sends to their addresses again, and the lists of unsubscribe groups, which concern one kind of emails.
 */
import { z } from 'zod'
import type { SuppressionReason } from '../../domain/suppression.ts'
import { jsonIn } from '../fields.ts'
import { listedAddress } from '../provider-answer.ts'
import type { ListedAddress, ListWriting, SuppressionLists } from '../provider-api.ts'
import type { ProviderHttp } from '../provider-http.ts'
import { answerOf } from './http.ts'

/** The largest page. */
const entriesPerPage = 500

/** To an address on one of them, SendGrid sends nothing. */
const lists: readonly (readonly [name: string, reason: SuppressionReason])[] = [
  ['bounces', 'hard_bounce'],
  ['invalid_emails', 'hard_bounce'],
  ['spam_reports', 'complaint'],
  ['unsubscribes', 'manual'],
]

const pageForm = z.array(z.object({ email: z.string(), created: z.number().nullish() }))

/** The list's index and the entry's. */
const cursorForm = z.tuple([z.int().min(0), z.int().min(0)])

export const suppressionListsThrough = (http: ProviderHttp): SuppressionLists => ({
  // SendGrid publishes no limit for these; for others of its endpoints, 600 requests a minute.
  requestsPerSecond: 10,

  async read(cursor) {
    const [index, offset] = cursor === null ? [0, 0] : cursorForm.parse(jsonIn(cursor))
    const [name, reason] = lists[index] ?? []
    if (!name || !reason) throw new RangeError('there is no such page')
    const path = `/v3/suppression/${name}?limit=${entriesPerPage}&offset=${offset}`
    const { json } = await http.request({ method: 'GET', path, isRepeatable: true })
    const page = answerOf(pageForm, json)
    const isLast = page.length < entriesPerPage
    const next = isLast ? [index + 1, 0] : [index, offset + entriesPerPage]
    return {
      entries: page.flatMap((entry) => listedAddressesIn(entry, reason)),
      next: isLast && index + 1 === lists.length ? null : JSON.stringify(next),
    }
  },
  writing: writingThrough(http),
})

/** SendGrid's API adds to no other list than that of the addresses that have unsubscribed from everything, so every reason becomes `manual`. */
const writingThrough = (http: ProviderHttp): ListWriting => ({
  addressesPerCall: 500,

  async add(entries) {
    const body = { recipient_emails: entries.map(({ address }) => address) }
    await http.request({ method: 'POST', path: '/v3/asm/suppressions/global', body, isRepeatable: true })
    return 1
  },

  async remove(addresses) {
    for (const address of addresses) {
      const named = encodeURIComponent(address)
      for (const path of lists.map(([name]) => pathOf(name))) {
        await http.request({ method: 'DELETE', path: `${path}/${named}`, isRepeatable: true })
      }
    }
    return addresses.length * lists.length
  },
})

const pathOf = (list: string): string =>
  list === 'unsubscribes' ? '/v3/asm/suppressions/global' : `/v3/suppression/${list}`

/** None for what is no address: `invalid_emails` has such entries. */
const listedAddressesIn = (
  { email, created }: z.infer<typeof pageForm>[number],
  reason: SuppressionReason,
): ListedAddress[] => listedAddress(email, reason, created)
