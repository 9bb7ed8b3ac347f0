/**
 * Mailchimp Transactional's denylist, `POST /rejects/list`, `add` and `delete`, by its OpenAPI document
 * (github.com/mailchimp/mailchimp-client-lib-codegen, spec/transactional.openapi.json, 1.4.0).
 */
import { z } from 'zod'
import type { SuppressionReason } from '../../domain/suppression.ts'
import { listedAddress } from '../provider-answer.ts'
import type { ListedAddress, ListWriting, SuppressionLists } from '../provider-api.ts'
import type { Ask } from './ask.ts'

/** Published is only that too many requests are answered with 429: our own pace. */
const requestsPerSecond = 5

/** "Returns up to 1000 results", without a next page. */
const answeredEntries = 1_000

const entryForm = z.object({
  email: z.string(),
  reason: z.string(),
  created_at: z.unknown().optional(),
  /** The sender whose emails alone it concerns. */
  sender: z.unknown().optional(),
  subaccount: z.string().nullish(),
})
type Entry = z.infer<typeof entryForm>
const listForm = z.array(entryForm)

/**
 * Entries that have expired are not answered. Left out are soft bounces, which Mandrill lists for some days, and what concerns one sender or
 * subaccount and not the address itself.
 */
export const createSuppressionLists = (ask: Ask): SuppressionLists => ({
  requestsPerSecond,

  async read() {
    const listed = (await ask(listForm, 'rejects/list', {})) ?? []
    const isPartial = listed.length >= answeredEntries
    return { entries: listed.flatMap(listedAddresses), next: null, ...(isPartial && { isPartial }) }
  },

  writing: writingThrough(ask),
})

const reasons: Readonly<Record<string, SuppressionReason>> = {
  'hard-bounce': 'hard_bounce',
  spam: 'complaint',
  unsub: 'manual',
  custom: 'manual',
}

function listedAddresses({ email, reason: given, created_at, sender, subaccount }: Entry): ListedAddress[] {
  const reason = Object.hasOwn(reasons, given) ? (reasons[given] ?? null) : null
  const isOfAllEmails = (sender ?? null) === null && (subaccount ?? null) === null
  return listedAddress(email, reason === 'manual' && !isOfAllEmails ? null : reason, created_at)
}

/** Each address takes a request or more, and the pace is kept between the calls. */
const addressesPerCall = 10

/** What is added has the reason `custom`, and never expires. Mandrill takes no other reason. */
const writingThrough = (ask: Ask): ListWriting => ({
  addressesPerCall,

  async add(entries) {
    for (const { address } of entries) await ask(z.unknown(), 'rejects/add', { email: address })
    return entries.length
  },

  async remove(addresses) {
    let requests = 0
    for (const email of addresses) {
      const listed = (await ask(listForm, 'rejects/list', { email })) ?? []
      for (const { subaccount } of listed) {
        await ask(z.unknown(), 'rejects/delete', { email, ...(subaccount && { subaccount }) })
      }
      requests += 1 + listed.length
    }
    return requests
  },
})
