/** Sends the notices of the system's incidents, each from one instance. */
import type { Logger } from 'pino'
import type { Database } from '../db/database.ts'
import { claimNotices, type DueNotice, readDueNotices, releaseNotices } from '../db/system-incidents.ts'
import { NoticeRefusedError, type SupportChannel } from '../notifications/channel.ts'
import { readNotice, recordAccepted, recordRefused } from '../notifications/notices.ts'

/** More than all channels may take. If this instance crashes, another sends the notices after the lease. */
const leaseMs = 60_000

export interface Notifier {
  /** Sends pending notices. The next call retries channels that failed. */
  notify(): Promise<void>
}

/** @param channels each receives every notice; receivers recognize repeats by the notice's ID. */
export function createNotifier(db: Database, channels: readonly SupportChannel[], log: Pick<Logger, 'warn'>): Notifier {
  const byName = new Map<string, SupportChannel>(channels.map((channel) => [channel.name, channel]))
  /** Logs each failure once. */
  const logged = new Set<string>()

  const due = (): Promise<DueNotice[]> => readDueNotices(db, [...byName.keys()])

  const send = async (notice: DueNotice): Promise<void> => {
    const content = await readNotice(db, notice)
    if (content === null) return
    try {
      await byName.get(notice.channel)?.send(content)
    } catch (error) {
      const { escalationId, channel } = notice
      if (error instanceof NoticeRefusedError) await recordRefused(db, notice)
      // Only its class: an SMTP server's text may quote an address.
      const kind = error instanceof Error ? error.name : 'unknown'
      if (!logged.has(nameOf(notice))) log.warn({ escalationId, channel, error: kind }, 'a notice was not accepted')
      logged.add(nameOf(notice))
      return
    }
    await recordAccepted(db, notice)
  }

  return {
    async notify() {
      const reasons = new Set((await due()).map(({ reason }) => reason))
      for (const reason of reasons) {
        if (!(await claimNotices(db, reason, leaseMs))) continue
        try {
          // Again, since another instance may have sent them.
          const notices = (await due()).filter((notice) => notice.reason === reason)
          await Promise.all(notices.map(send))
        } finally {
          await releaseNotices(db, reason)
        }
      }
    },
  }
}

const nameOf = ({ escalationId, notice, channel }: DueNotice): string => `${escalationId} ${notice} ${channel}`
