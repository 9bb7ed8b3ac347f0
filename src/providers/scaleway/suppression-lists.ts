/**
 * The blocklist of each domain, `GET /blocklists`. Scaleway blocks an address for 48 hours after a bounce ("How to manage Transactional Email
 * blocklists"), and then sends to it again, so only entries without an end are read.
 */
import { z } from 'zod'
import { jsonIn } from '../fields.ts'
import { listedAddress } from '../provider-answer.ts'
import type { ListedAddress, ListWriting, SuppressionLists } from '../provider-api.ts'
import { pageSize, requestsPerSecond, type ScalewayRequests } from './requests.ts'

const listForm = z.object({
  blocklists: z.array(
    z.object({
      id: z.string().min(1),
      email: z.string(),
      type: z.string(),
      created_at: z.string().nullish(),
      ends_at: z.string().nullish(),
      /** Whether a person or an API has added it. */
      custom: z.boolean().nullish(),
    }),
  ),
})
type Blocked = z.infer<typeof listForm>['blocklists'][number]

/** The domains whose lists are left, and the page of the first. */
const cursorForm = z.object({ domains: z.array(z.string()), page: z.int().min(1) })

export const suppressionListsThrough = (requests: ScalewayRequests): SuppressionLists => ({
  requestsPerSecond,

  async read(cursor) {
    if (cursor === null) return { entries: [], next: nextOf({ domains: [...(await requests.domains())], page: 1 }) }
    const place = cursorForm.parse(jsonIn(cursor))
    const [domain = '', ...domains] = place.domains
    const query = { domain_id: domain, page: place.page, page_size: pageSize, order_by: 'created_at_asc' }
    const found = (await requests.get(listForm, '/blocklists', query))?.blocklists ?? []
    const isOver = found.length < pageSize
    return {
      entries: found.filter(isPermanent).flatMap(listedIn),
      next: nextOf(isOver ? { domains, page: 1 } : { ...place, page: place.page + 1 }),
    }
  },

  writing: writingThrough(requests),
})

const nextOf = (cursor: z.infer<typeof cursorForm>): string | null =>
  cursor.domains.length === 0 ? null : JSON.stringify(cursor)

const isPermanent = ({ ends_at }: Blocked): boolean => !ends_at

function listedIn({ email, type, created_at, custom }: Blocked): ListedAddress[] {
  return listedAddress(email, !custom && type === 'mailbox_not_found' ? 'hard_bounce' : 'manual', created_at)
}

/** For every domain. Scaleway knows no other reason than a mailbox that is full or missing. */
const writingThrough = (requests: ScalewayRequests): ListWriting => {
  const entriesOf = async (domain: string, address: string): Promise<readonly Blocked[]> =>
    (await requests.get(listForm, '/blocklists', { domain_id: domain, email: address, page_size: pageSize }))
      ?.blocklists ?? []

  return {
    addressesPerCall: 20,

    async add(entries) {
      let count = 1
      for (const domain of await requests.domains()) {
        const emails: string[] = []
        for (const { address } of entries) {
          if (!(await entriesOf(domain, address)).some(isPermanent)) emails.push(address)
        }
        count += entries.length + Math.min(1, emails.length)
        const body = { domain_id: domain, emails, type: 'mailbox_not_found', reason: 'suppressed by Aftersend' }
        if (emails.length > 0) await requests.create('/blocklists', body)
      }
      return count
    },

    async remove(addresses) {
      let count = 1
      for (const domain of await requests.domains()) {
        for (const address of addresses) {
          const found = await entriesOf(domain, address)
          for (const { id } of found) await requests.remove(`/blocklists/${encodeURIComponent(id)}`)
          count += 1 + found.length
        }
      }
      return count
    },
  }
}
