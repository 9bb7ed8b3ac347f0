/**
 * Mailgun's suppression lists of a domain, `GET /v3/{domain}/bounces`, `complaints` and `unsubscribes`, by its OpenAPI document
 * (github.com/mailgun/mailgun-mcp-server, src/openapi.yaml, 3.0.0 of 2026-07-09). Bounces are permanent errors of the mailbox only.
 */
import { z } from 'zod'
import type { SuppressionReason } from '../../domain/suppression.ts'
import { listedAddress } from '../provider-answer.ts'
import type { ListedAddress, ListWriting, SuppressionLists } from '../provider-api.ts'
import { type Ask, requestsPerSecond } from './ask.ts'

const reasons: readonly (readonly [list: string, SuppressionReason])[] = [
  ['bounces', 'hard_bounce'],
  ['complaints', 'complaint'],
  ['unsubscribes', 'manual'],
]

/** 1000 at most; so many, with the replies of servers, are far below the longest answer that is read. */
const pageSize = 300

const entryForm = z.object({
  address: z.string(),
  /** Of unsubscribes. */
  tags: z.array(z.string()).nullish(),
  created_at: z.unknown().optional(),
})
const listForm = z.object({ items: z.array(entryForm).nullable(), paging: z.object({ next: z.string().nullish() }) })

/** The cursor is the path of a page. It holds an address, so it must not be stored where addresses must not be. */
export function createSuppressionLists(ask: Ask, domains: readonly string[]): SuppressionLists {
  const lists = domains.flatMap((domain) =>
    reasons.map(([name, reason]) => ({ path: `/v3/${encodeURIComponent(domain)}/${name}`, reason })),
  )
  const firstPageOf = (index: number) => (lists[index] ? `${lists[index].path}?limit=${pageSize}` : null)
  return {
    requestsPerSecond,

    async read(cursor) {
      const page = cursor ?? firstPageOf(0)
      const index = lists.findIndex(({ path }) => page?.startsWith(`${path}?`))
      const list = lists[index]
      // The domain is no longer configured.
      if (page === null || list === undefined) return { entries: [], next: null }
      const { items, paging } = await ask(listForm, { path: page })
      const found = items ?? []
      const next = found.length > 0 ? nextPageIn(list.path, paging.next) : null
      return {
        entries: found.filter(isOfAllEmails).flatMap((entry) => listedIn(entry, list.reason)),
        next: next !== null && next !== page ? next : firstPageOf(index + 1),
      }
    },

    writing: writingThrough(ask, domains),
  }
}

/** "Batch size should be less than 1000". */
const addressesPerCall = 500

/** Adds to the lists of every domain: bounces and complaints to theirs, all else as unsubscribed from everything. */
const writingThrough = (ask: Ask, domains: readonly string[]): ListWriting => ({
  addressesPerCall,

  async add(entries) {
    let requests = 0
    for (const [name, body] of recordsOf(entries)) {
      for (const domain of body.length > 0 ? domains : []) {
        await ask(z.unknown(), { path: `/v3/${encodeURIComponent(domain)}/${name}`, body })
        requests += 1
      }
    }
    return requests
  },

  async remove(addresses) {
    const paths = domains.flatMap((domain) => reasons.map(([name]) => `/v3/${encodeURIComponent(domain)}/${name}`))
    for (const address of addresses) {
      for (const path of paths) {
        await ask(z.unknown(), { path: `${path}/${encodeURIComponent(address)}`, method: 'DELETE' })
      }
    }
    return addresses.length * paths.length
  },
})

function recordsOf(entries: readonly Pick<ListedAddress, 'address' | 'reason'>[]): [list: string, records: object[]][] {
  const of = (isOn: (reason: SuppressionReason) => boolean) => entries.filter(({ reason }) => isOn(reason))
  return [
    ['bounces', of((reason) => reason === 'hard_bounce').map(({ address }) => ({ address, code: '550' }))],
    ['complaints', of((reason) => reason === 'complaint').map(({ address }) => ({ address }))],
    [
      'unsubscribes',
      of((reason) => !['hard_bounce', 'complaint'].includes(reason)).map(({ address }) => ({ address, tags: ['*'] })),
    ],
  ]
}

/** Mailgun names the next page by a URL. Only its query is used: the key is sent to no other host. After the last page comes an empty one. */
function nextPageIn(path: string, url: string | null | undefined): string | null {
  const query = url?.includes('?') ? url.slice(url.indexOf('?')) : null
  return query && `${path}${query}`
}

/** An unsubscribe names the tags of the emails that it is about, or `*` for all. */
const isOfAllEmails = ({ tags }: z.infer<typeof entryForm>): boolean => !tags?.length || tags.includes('*')

const listedIn = (entry: z.infer<typeof entryForm>, reason: SuppressionReason): ListedAddress[] =>
  listedAddress(entry.address, reason, entry.created_at)
