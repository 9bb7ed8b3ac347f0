/** Telling all instances that an email changed, without holding up whoever changed it. */

export interface ChangeBell {
  /** Something is committed that streams should hear of. Returns at once, and never throws. */
  ring(): void
  /** Rings what is due, and no more after that. */
  close(): Promise<void>
}

/** Rings of one process are at least so far apart: a NOTIFY makes commits take turns, so a burst of saves gets few. */
const restMs = 25

/**
 * After the commit and not within it: a NOTIFY in the statement that saves takes a lock over all of the database's
 * commits, and was measured to cost a third of the saves (docs/live-status.md). The change itself is in the log by then; a
 * ring that fails or is never made delays the news until the next one, or until the feed's own look.
 * @param notify sends the notification.
 */
export function createChangeBell(notify: () => Promise<unknown>): ChangeBell {
  let ringing: Promise<void> | null = null
  let isDue = false
  const run = async () => {
    while (isDue) {
      isDue = false
      await Promise.all([notify().catch(() => {}), new Promise((resolve) => setTimeout(resolve, restMs))])
    }
    ringing = null
  }
  return {
    ring() {
      isDue = true
      ringing ??= run()
    },
    async close() {
      await ringing
    },
  }
}
