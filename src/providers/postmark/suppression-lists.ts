/** Postmark's suppression lists, one for each message stream. */
import { z } from 'zod'
import type { SuppressionReason } from '../../domain/suppression.ts'
import { listedAddress } from '../provider-answer.ts'
import type { ListedAddress, ListWriting, SuppressionLists } from '../provider-api.ts'
import { addressesPerChange, type PostmarkRequests, type PostmarkSuppression } from './requests.ts'

/** The streams whose lists are still to be read. */
const cursorForm = z.array(z.object({ id: z.string(), isBroadcast: z.boolean() }))

/**
 * Reads the streams, then one list in each page. Postmark publishes no rate limit.
 *
 * A hard bounce and a complaint concern the address, so they are taken from every stream. Left out are what a recipient has unsubscribed
 * from, and all that was added by hand to a stream of broadcasts beside others: Postmark goes on sending other streams to these addresses.
 */
export const createSuppressionLists = (requests: PostmarkRequests): SuppressionLists => ({
  requestsPerSecond: 5,

  async read(cursor) {
    if (cursor === null) return { entries: [], next: nextOf(withoutOthers(await requests.streams())) }
    const [stream, ...others] = cursorForm.parse(JSON.parse(cursor))
    if (!stream) return { entries: [], next: null }
    const listed = await requests.suppressions(stream.id)
    return { entries: listed.flatMap((entry) => listedAddresses(entry, stream.isBroadcast)), next: nextOf(others) }
  },

  writing: writingThrough(requests),
})

/** Adds to the list of every stream, as added by hand: Postmark takes no reason. Who has complained stays on the lists. */
const writingThrough = (requests: PostmarkRequests): ListWriting => {
  const change = async (kind: 'add' | 'remove', addresses: readonly string[]) => {
    const streams = await requests.streams()
    for (const { id } of streams) await requests.changeSuppressions(id, kind, addresses)
    return streams.length + 1
  }
  return {
    addressesPerCall: addressesPerChange,
    add: (entries) =>
      change(
        'add',
        entries.map(({ address }) => address),
      ),
    remove: (addresses) => change('remove', addresses),
  }
}

type Streams = Awaited<ReturnType<PostmarkRequests['streams']>>

/** Where all streams are broadcasts, what holds for one of them holds for every email. */
const withoutOthers = (streams: Streams): Streams =>
  streams.every(({ isBroadcast }) => isBroadcast) ? streams.map(({ id }) => ({ id, isBroadcast: false })) : streams

const nextOf = (streams: Readonly<z.infer<typeof cursorForm>>): string | null =>
  streams.length === 0 ? null : JSON.stringify(streams)

const listedAddresses = (entry: PostmarkSuppression, isBroadcast: boolean): ListedAddress[] =>
  listedAddress(entry.EmailAddress, reasonOf(entry, isBroadcast), entry.CreatedAt)

/** Null for what does not concern every email to the address. */
function reasonOf({ SuppressionReason, Origin }: PostmarkSuppression, isBroadcast: boolean): SuppressionReason | null {
  if (SuppressionReason === 'HardBounce') return 'hard_bounce'
  if (SuppressionReason === 'SpamComplaint') return 'complaint'
  const isForAll = SuppressionReason === 'ManualSuppression' && Origin !== 'Recipient' && !isBroadcast
  return isForAll ? 'manual' : null
}
