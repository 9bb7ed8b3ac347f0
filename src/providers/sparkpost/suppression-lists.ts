/**
 * SparkPost's suppression list, `/api/v1/suppression-list`, by its API blueprint (github.com/SparkPost/developers.sparkpost.com,
 * content/api/suppression-list.apib, June 2026) and "How Do I Download My Entire Suppression List" (SparkPost/support-docs).
 */
import { z } from 'zod'
import type { SuppressionReason } from '../../domain/suppression.ts'
import { listedAddress } from '../provider-answer.ts'
import type { ListedAddress, ListWriting, SuppressionLists } from '../provider-api.ts'
import type { ProviderQuestions } from '../provider-question.ts'
import { cursorIn } from './page-cursor.ts'

const path = '/api/v1/suppression-list'

/** Not published. Our own. */
const requestsPerSecond = 1

/** The default; 10,000 at most. */
const pageSize = 1_000

/** 10,000 entries at most; an address takes two of them. */
const addressesPerCall = 1_000

const entryForm = z.object({
  recipient: z.string(),
  /** `transactional` or `non_transactional`: the emails that are not sent to the address. */
  type: z.string().nullish(),
  source: z.string().nullish(),
  /** Of an address that is suppressed for one mailing list. */
  list_id: z.string().nullish(),
  created: z.unknown().optional(),
  subaccount_id: z.union([z.string(), z.number()]).nullish(),
})
type Entry = z.infer<typeof entryForm>
const listForm = z.object({
  results: z.array(entryForm),
  links: z.array(z.object({ rel: z.string(), href: z.string() })),
})

/** The lists of the account and its subaccounts. */
export const createSuppressionLists = (questions: ProviderQuestions): SuppressionLists => ({
  requestsPerSecond,

  async read(cursor) {
    const query = new URLSearchParams({ per_page: String(pageSize), cursor: cursor ?? 'initial' })
    const { results, links } = await questions.ask(listForm, `${path}?${query}`)
    const next = results.length > 0 ? cursorIn(links.find(({ rel }) => rel === 'next')?.href) : null
    return { entries: results.flatMap(listedIn), next: next === cursor ? null : next }
  },

  writing: writingThrough(questions),
})

/** Adds to the account's own list, for emails of both types. SparkPost takes no reason: all count as added by hand. */
const writingThrough = (questions: ProviderQuestions): ListWriting => ({
  addressesPerCall,

  async add(entries) {
    const recipients = entries.flatMap(({ address }) =>
      ['transactional', 'non_transactional'].map((type) => ({ recipient: address, type })),
    )
    await questions.change({ method: 'PUT', path: `${path}/`, body: { recipients } })
    return 1
  },

  async remove(addresses) {
    let requests = 0
    for (const address of addresses) requests += await removeAddress(questions, address)
    return requests
  },
})

const foundForm = z.object({ results: z.array(entryForm) })

/** From the list of each account that has the address, of both types, and of all mailing lists. @returns how many requests it took. */
async function removeAddress(questions: ProviderQuestions, address: string): Promise<number> {
  const ofAddress = `${path}/${encodeURIComponent(address)}`
  const found = await questions.find(foundForm, ofAddress)
  const results = found?.results ?? []
  const accounts = new Set(results.map(({ subaccount_id: subaccount }) => (subaccount ? String(subaccount) : null)))
  for (const subaccount of accounts) {
    const headers = subaccount !== null && { headers: { 'x-msys-subaccount': subaccount } }
    await questions.change({ method: 'DELETE', path: ofAddress, ...headers })
  }
  return 1 + accounts.size
}

/** A hard bounce and a complaint concern the address, so they are taken from every list and for every type of email. */
const reasonsBySource: Readonly<Record<string, SuppressionReason>> = {
  'Bounce Rule': 'hard_bounce',
  'Spam Complaint': 'complaint',
}

/**
 * Left out is what holds for one mailing list, or for non-transactional emails alone: SparkPost goes on sending other emails to the address.
 * Null for these.
 */
function reasonOf({ source, type, list_id }: Entry): SuppressionReason | null {
  return reasonsBySource[source ?? ''] ?? (type === 'transactional' && !list_id ? 'manual' : null)
}

const listedIn = (entry: Entry): ListedAddress[] => listedAddress(entry.recipient, reasonOf(entry), entry.created)
