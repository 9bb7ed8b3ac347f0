/** Notifies all instances that an email changed, without delaying the writer. */

export interface ChangeNotifier {
  /** To be called after a commit that changes an email. Returns at once, and never throws. */
  readonly notify: () => void
  /** Sends a pending notification, then stops. */
  close(): Promise<void>
}

/** The minimum time between two notifications: NOTIFY serializes commits, so a burst of saves gets few. */
const minimumIntervalMs = 25

/**
 * Notifies after the commit: a NOTIFY within the saving statement takes a lock over all commits of the database, and was measured
 * to cost a third of the saves (docs/live-status.md). The log already has the change, so a notification that fails only delays
 * it until the next one, or until the feed polls.
 * @param send sends the notification.
 */
export function createChangeNotifier(send: () => Promise<unknown>): ChangeNotifier {
  let sending: Promise<void> | null = null
  let isPending = false
  const run = async () => {
    while (isPending) {
      isPending = false
      await Promise.all([send().catch(() => {}), new Promise((resolve) => setTimeout(resolve, minimumIntervalMs))])
    }
    sending = null
  }
  return {
    notify() {
      isPending = true
      sending ??= run()
    },
    async close() {
      await sending
    },
  }
}
