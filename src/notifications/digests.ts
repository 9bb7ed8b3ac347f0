/** Digests: the notices that a channel holds, as one message when their time has come. */
import {
  completeDigest,
  makeDigests,
  type PendingDigest,
  readHeldNotices,
  readPendingDigests,
  refuseOldDigests,
} from '../db/notifications.ts'
import { type NoticeDigest, NoticeRefusedError, type SupportChannel } from './channel.ts'
import type { DeliveryOptions } from './delivery.ts'
import { readContent } from './notices.ts'

/**
 * Makes and sends the digests that are due. One that its channel does not take now is sent by a later call, with the same ID. A crash
 * between the channel's answer and our record of it sends it again: receivers know it by its ID.
 * @returns how many were sent, and how many were not accepted.
 */
export async function sendDigests(
  { db, clock }: DeliveryOptions,
  channels: readonly SupportChannel[],
): Promise<{ sent: number; failed: number }> {
  const now = clock()
  await makeDigests(db, now)
  await refuseOldDigests(db, now)
  const counts = { sent: 0, failed: 0 }
  for (const pending of await readPendingDigests(db)) {
    const channel = channels.find(({ name }) => name === pending.channel)
    if (channel) counts[(await isSent(db, channel, pending)) ? 'sent' : 'failed'] += 1
  }
  return counts
}

async function isSent(db: DeliveryOptions['db'], channel: SupportChannel, pending: PendingDigest): Promise<boolean> {
  const digest = await readDigest(db, pending)
  try {
    // What was resolved meanwhile needs nobody.
    if (digest.notices.length > 0) await channel.sendDigest?.(digest)
  } catch (error) {
    if (error instanceof NoticeRefusedError) await completeDigest(db, pending, true)
    return false
  }
  await completeDigest(db, pending, false)
  return true
}

async function readDigest(db: DeliveryOptions['db'], pending: PendingDigest): Promise<NoticeDigest> {
  const held = await readHeldNotices(db, pending)
  const notices = await Promise.all(held.map(({ escalationId, notice }) => readContent(db, escalationId, notice)))
  const unresolved = notices.filter(({ state }) => state !== 'resolved')
  return { id: pending.digest, notices: unresolved, resolved: notices.length - unresolved.length }
}
