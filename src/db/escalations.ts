/** Statements on escalations. Their workflow or the API writes them by compare-and-set. */
import { createHash } from 'node:crypto'
import type { Escalation, EscalationReason, EscalationState, UndeliveredNotice } from '../domain/escalation.ts'
import type { EmailKey } from '../domain/events.ts'
import type { Database } from './database.ts'
import { epochMsOf } from './epoch-ms.ts'
import { type Escalation as EscalationRow, Prisma } from './generated/client.ts'

/** Derived from the email and reason, so that opening is idempotent. Holds no address. */
export function escalationIdOf({ provider, emailId }: EmailKey, reason: EscalationReason): string {
  const name = JSON.stringify([provider, emailId, reason])
  return `esc_${createHash('sha256').update(name).digest('hex').slice(0, 24)}`
}

/** The result of a write: the stored version, and the stored escalation if it is another one. */
export interface EscalationWrite {
  readonly version: number
  /** Set if nothing was written, because the stored version is newer than `escalation.version`. */
  readonly conflict: Escalation | null
}

/**
 * Stores an escalation, unless the stored version is newer than the one that it follows. Repeating a write is no conflict. An
 * older stored version is overwritten: the database has lost later writes. Index: escalations_pkey.
 */
export async function writeEscalation(db: Database, email: EmailKey, escalation: Escalation): Promise<EscalationWrite> {
  const id = escalationIdOf(email, escalation.reason)
  const [written] = await upsert(db, id, email, escalation)
  if (written) return { version: written.version, conflict: null }
  const row = await db.escalation.findUniqueOrThrow({ where: { id } })
  const stored = escalationOf(row)
  return { version: row.version, conflict: isSame(stored, escalation) ? null : stored }
}

function upsert(db: Database, id: string, { provider, emailId }: EmailKey, escalation: Escalation) {
  const expected = escalation.version ?? null
  const { reason, state, detail, acknowledgedBy, resolvedBy, notices } = escalation
  const [openedAt, acknowledgedAt, snoozedUntil, resolvedAt, nextNoticeAt] = [
    escalation.openedAt,
    escalation.acknowledgedAt,
    escalation.snoozedUntil,
    escalation.resolvedAt,
    escalation.nextNoticeAt,
  ].map((at) => (at === null ? null : new Date(at)))
  return db.$queryRaw<{ version: number }[]>`
    INSERT INTO escalations AS existing (id, provider, email_id, reason, state, detail, opened_at, acknowledged_at,
      acknowledged_by, snoozed_until, resolved_at, resolved_by, notices, next_notice_at, noticed_at, version)
    VALUES (${id}, ${provider}, ${emailId}, ${reason}, ${state}, ${detail}, ${openedAt}, ${acknowledgedAt},
      ${acknowledgedBy}, ${snoozedUntil}, ${resolvedAt}, ${resolvedBy}, ${notices}, ${nextNoticeAt}, now(),
      coalesce(${expected}::int, 0) + 1)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, detail = excluded.detail,
      acknowledged_at = excluded.acknowledged_at, acknowledged_by = excluded.acknowledged_by,
      snoozed_until = excluded.snoozed_until, resolved_at = excluded.resolved_at, resolved_by = excluded.resolved_by,
      notices = excluded.notices, next_notice_at = excluded.next_notice_at,
      noticed_at = CASE WHEN excluded.notices > existing.notices THEN now() ELSE existing.noticed_at END,
      version = greatest(existing.version + 1, excluded.version)
    WHERE ${expected}::int IS NULL OR existing.version <= ${expected}::int
    RETURNING version`
}

/** Whether two escalations are equal except for their versions. */
function isSame({ version: _, ...a }: Escalation, { version: __, ...b }: Escalation): boolean {
  const names = Object.keys(a) as (keyof typeof a)[]
  return names.every((name) => a[name] === b[name])
}

/** The escalations of an email. Index: escalations_email_id_provider_reason_key. */
export async function readEscalations(db: Database, { provider, emailId }: EmailKey): Promise<Escalation[]> {
  const rows = await db.escalation.findMany({ where: { provider, emailId } })
  return rows.map(escalationOf)
}

/** Notices older than this are not sent any more. */
export const noticeValidForMs = 3 * 86_400_000

/**
 * The latest notice of each unresolved escalation of an email on the channels that lack it, if younger than {@link noticeValidForMs}.
 * Indexes: escalations_email_id_provider_reason_key, notifications_pkey.
 */
export const readUndeliveredNotices = (
  db: Database,
  { provider, emailId }: EmailKey,
  channels: readonly string[],
): Promise<UndeliveredNotice[]> => db.$queryRaw`
  SELECT reason, notices AS notice, channels.channel FROM escalations, unnest(${[...channels]}::text[]) AS channels(channel)
  WHERE email_id = ${emailId} AND provider = ${provider} AND state <> 'resolved'
    AND noticed_at > now() - ${noticeValidForMs} * interval '1 ms' AND ${isNoticeMissing}`

/** Whether the channel of the row `channels` neither accepted nor refused an escalation's latest notice. */
export const isNoticeMissing = Prisma.sql`
  NOT EXISTS (SELECT FROM notifications WHERE escalation_id = escalations.id
              AND notice = escalations.notices AND notifications.channel = channels.channel)`

function escalationOf(row: EscalationRow): Escalation {
  return {
    reason: row.reason as EscalationReason,
    state: row.state as EscalationState,
    detail: row.detail,
    openedAt: row.openedAt.getTime(),
    acknowledgedAt: epochMsOf(row.acknowledgedAt),
    acknowledgedBy: row.acknowledgedBy,
    snoozedUntil: epochMsOf(row.snoozedUntil),
    resolvedAt: epochMsOf(row.resolvedAt),
    resolvedBy: row.resolvedBy,
    notices: row.notices,
    nextNoticeAt: epochMsOf(row.nextNoticeAt),
    version: row.version,
  }
}
