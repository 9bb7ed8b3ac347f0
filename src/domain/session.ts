/** How long the session of a person lasts. */

/** A working day without a request of the person. */
export const sessionIdleMs = 12 * 3_600_000

/** After this, everybody signs in again: what a person may do is read at the sign-in. */
export const sessionLifetimeMs = 7 * 86_400_000

interface SessionTimes {
  readonly createdAt: Date
  readonly lastSeenAt: Date
  readonly revokedAt: Date | null
}

/** @param now epoch milliseconds. */
export const isSessionOver = ({ createdAt, lastSeenAt, revokedAt }: SessionTimes, now: number): boolean =>
  revokedAt !== null || now - lastSeenAt.getTime() >= sessionIdleMs || now - createdAt.getTime() >= sessionLifetimeMs
