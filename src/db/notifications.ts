/** Statements on what channels have of notices: the messages that follow their escalation, and the notices that wait for a digest. */
import type { Database } from './database.ts'
import { noticeValidForMs } from './escalations.ts'

/** All messages of one escalation on one channel. */
export interface MessagesKey {
  readonly escalationId: string
  readonly channel: string
}

/** The channels with a message that follows the escalation. Index: notifications_shown. */
export async function readFollowing(db: Database, escalationId: string): Promise<string[]> {
  const rows = await db.$queryRaw<{ channel: string }[]>`
    SELECT DISTINCT channel FROM notifications WHERE escalation_id = ${escalationId} AND shown_version IS NOT NULL
    ORDER BY channel`
  return rows.map(({ channel }) => channel)
}

export interface ShownMessage {
  readonly notice: number
  readonly reference: string | null
  readonly shownVersion: number
}

/** The first message that follows the escalation; null if none does. Index: notifications_shown. */
export async function readShownMessage(
  db: Database,
  { escalationId, channel }: MessagesKey,
): Promise<ShownMessage | null> {
  const [row] = await db.$queryRaw<ShownMessage[]>`
    SELECT notice, reference, shown_version AS "shownVersion" FROM notifications
    WHERE escalation_id = ${escalationId} AND channel = ${channel} AND shown_version IS NOT NULL ORDER BY notice LIMIT 1`
  return row ?? null
}

/**
 * Records which version of the escalation its messages show.
 * @param version null: they follow it no more, since nothing changes after its end, or they cannot be changed.
 * @param reference what the channel needs for the next change. Index: notifications_pkey.
 */
export const recordShown = (
  db: Database,
  { escalationId, channel }: MessagesKey,
  version: number | null,
  reference: string | null,
): Promise<number> => db.$executeRaw`
  UPDATE notifications SET shown_version = ${version}::int, reference = ${reference}::text
  WHERE escalation_id = ${escalationId} AND channel = ${channel} AND shown_version IS NOT NULL`

/** Within this, the escalation's workflow or the API shows a change itself. */
const changeGraceMs = 60_000

/**
 * Messages that do not show the state of their escalation, although whoever changed it had time to. Indexes: notifications_shown,
 * escalations_pkey.
 */
export const readMissedChanges = (
  db: Database,
  channels: readonly string[],
  limit: number,
): Promise<MessagesKey[]> => db.$queryRaw`
  SELECT DISTINCT escalation_id AS "escalationId", channel FROM notifications
  JOIN escalations ON escalations.id = escalation_id
  WHERE shown_version IS NOT NULL AND shown_version < escalations.version AND channel = ANY(${[...channels]}::text[])
    AND coalesce(resolved_at, acknowledged_at, noticed_at, opened_at) < now() - ${changeGraceMs} * interval '1 ms'
  LIMIT ${limit}`

/** Lets go of messages whose channel did not take the last change for so long. Indexes: notifications_shown, escalations_pkey. */
export const forgetOldChanges = (db: Database): Promise<number> => db.$executeRaw`
  UPDATE notifications SET shown_version = NULL FROM escalations
  WHERE escalations.id = escalation_id AND shown_version IS NOT NULL
    AND resolved_at < now() - ${noticeValidForMs} * interval '1 ms'`

/** The changes of incidents of the system itself, which the API shows. Indexes: notifications_shown, escalations_pkey. */
export const readSystemChanges = (
  db: Database,
  reason: string,
  channels: readonly string[],
): Promise<MessagesKey[]> => db.$queryRaw`
  SELECT DISTINCT escalation_id AS "escalationId", channel FROM notifications
  JOIN escalations ON escalations.id = escalation_id
  WHERE shown_version IS NOT NULL AND shown_version < escalations.version AND channel = ANY(${[...channels]}::text[])
    AND escalations.provider = 'aftersend' AND reason = ${reason}`

export interface PendingDigest {
  readonly digest: string
  readonly channel: string
}

/**
 * Makes one digest of the notices of each channel that are held no longer. A notice belongs to one digest for good, so that an attempt that
 * is repeated sends the same one.
 * @param now epoch milliseconds. Index: notifications_held.
 */
export const makeDigests = (db: Database, now: number): Promise<number> => db.$executeRaw`
  UPDATE notifications SET digest = 'digest.' || channel || '.' || ${String(now)}
  WHERE held_until <= ${new Date(now)}::timestamptz AND digest IS NULL`

/** The digests that are not sent yet, oldest first. Index: notifications_held. */
export const readPendingDigests = (db: Database): Promise<PendingDigest[]> => db.$queryRaw`
  SELECT digest, channel FROM notifications WHERE held_until IS NOT NULL AND digest IS NOT NULL
  GROUP BY digest, channel ORDER BY min(held_until), digest`

/** The last notice of each escalation in a digest that is not sent yet. Index: notifications_held. */
export const readHeldNotices = (
  db: Database,
  { digest, channel }: PendingDigest,
): Promise<{ escalationId: string; notice: number }[]> => db.$queryRaw`
  SELECT escalation_id AS "escalationId", max(notice)::int AS notice FROM notifications
  WHERE held_until IS NOT NULL AND channel = ${channel} AND digest = ${digest} GROUP BY escalation_id ORDER BY min(held_until), 1`

/** Records that a digest was sent, or finally refused. Index: notifications_held. */
export const completeDigest = (
  db: Database,
  { digest, channel }: PendingDigest,
  isRefused: boolean,
): Promise<number> => db.$executeRaw`
  UPDATE notifications SET held_until = NULL, is_refused = ${isRefused}, sent_at = now()
  WHERE held_until IS NOT NULL AND channel = ${channel} AND digest = ${digest}`

/**
 * Gives up what no channel took for too long, as a notice that is not held.
 * @param now epoch milliseconds. Index: notifications_held.
 */
export const refuseOldDigests = (db: Database, now: number): Promise<number> => db.$executeRaw`
  UPDATE notifications SET held_until = NULL, is_refused = true
  WHERE held_until < ${new Date(now - noticeValidForMs)}::timestamptz`
