/** Postmark's suppression lists, one for each message stream. */
import { z } from 'zod'
import { normalizeAddress } from '../../domain/address.ts'
import type { SuppressionReason } from '../../domain/suppression.ts'
import { timeIn } from '../fields.ts'
import type { ListedAddress, SuppressionLists } from '../provider-api.ts'
import type { PostmarkRequests, PostmarkSuppression } from './requests.ts'

/** The streams whose lists are still to be read. */
const cursorForm = z.array(z.object({ id: z.string(), isBroadcast: z.boolean() }))

/**
 * Reads the streams, then one list in each page. Postmark publishes no rate limit.
 *
 * A hard bounce and a complaint concern the address, so they are taken from every stream. Left out are what a recipient has unsubscribed
 * from, and all that was added by hand to a stream of broadcasts: Postmark goes on sending other streams to these addresses.
 */
export const createSuppressionLists = (requests: PostmarkRequests): SuppressionLists => ({
  requestsPerSecond: 5,

  async read(cursor) {
    if (cursor === null) return { entries: [], next: nextOf(await requests.streams()) }
    const [stream, ...others] = cursorForm.parse(JSON.parse(cursor))
    if (!stream) return { entries: [], next: null }
    const listed = await requests.suppressions(stream.id)
    return { entries: listed.flatMap((entry) => listedAddresses(entry, stream.isBroadcast)), next: nextOf(others) }
  },
})

const nextOf = (streams: Readonly<z.infer<typeof cursorForm>>): string | null =>
  streams.length === 0 ? null : JSON.stringify(streams)

function listedAddresses(entry: PostmarkSuppression, isBroadcast: boolean): ListedAddress[] {
  const [address, reason] = [normalizeAddress(entry.EmailAddress), reasonOf(entry, isBroadcast)]
  return address === null || reason === null ? [] : [{ address, reason, since: timeIn([entry.CreatedAt]) }]
}

/** Null for what does not concern every email to the address. */
function reasonOf({ SuppressionReason, Origin }: PostmarkSuppression, isBroadcast: boolean): SuppressionReason | null {
  if (SuppressionReason === 'HardBounce') return 'hard_bounce'
  if (SuppressionReason === 'SpamComplaint') return 'complaint'
  const isForAll = SuppressionReason === 'ManualSuppression' && Origin !== 'Recipient' && !isBroadcast
  return isForAll ? 'manual' : null
}
