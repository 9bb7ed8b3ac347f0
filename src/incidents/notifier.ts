/** Sends the notices of the system's incidents, each from one instance. */
import type { Logger } from 'pino'
import type { Database } from '../db/database.ts'
import { readSystemChanges } from '../db/notifications.ts'
import { claimNotices, type DueNotice, readDueNotices, releaseNotices } from '../db/system-incidents.ts'
import { type SystemReason, systemReasons } from '../domain/incident.ts'
import type { SupportChannel } from '../notifications/channel.ts'
import { deliverNotice, showState } from '../notifications/delivery.ts'

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

  const showing = channels.flatMap(({ name, showState: shows }) => (shows ? [name] : []))
  const changesOf = (reason: SystemReason) => (showing.length === 0 ? [] : readSystemChanges(db, reason, showing))

  const attempt = async (
    { escalationId, channel: name, notice }: { escalationId: string; channel: string; notice?: number },
    execute: (channel: SupportChannel) => Promise<unknown>,
  ): Promise<void> => {
    const channel = byName.get(name)
    try {
      if (channel) await execute(channel)
    } catch (error) {
      // Only its class: an SMTP server's text may quote an address.
      const kind = error instanceof Error ? error.name : 'unknown'
      const label = `${escalationId} ${notice ?? 'change'} ${name}`
      if (!logged.has(label)) log.warn({ escalationId, channel: name, error: kind }, 'a notice was not accepted')
      logged.add(label)
    }
  }

  return {
    async notify() {
      const noticed = new Set((await due()).map(({ reason }) => reason))
      for (const reason of systemReasons) {
        if (!noticed.has(reason) && (await changesOf(reason)).length === 0) continue
        if (!(await claimNotices(db, reason, leaseMs))) continue
        try {
          // Again, since another instance may have sent them.
          const notices = (await due()).filter((notice) => notice.reason === reason)
          const options = { db, clock: Date.now }
          await Promise.all(notices.map((it) => attempt(it, (channel) => deliverNotice(options, channel, it))))
          const changes = await changesOf(reason)
          await Promise.all(changes.map((it) => attempt(it, (channel) => showState(options, channel, it.escalationId))))
        } finally {
          await releaseNotices(db, reason)
        }
      }
    },
  }
}
