/** Statements that read escalations for the API. */
import { cappedCount } from './capped-count.ts'
import type { Database } from './database.ts'
import { type Escalation, Prisma } from './generated/client.ts'

/** The last escalation of a page. */
export interface EscalationPosition {
  readonly openedAt: string
  readonly id: string
}

/**
 * Escalations after `after`, newest first. Index: escalations_state_opened_at_id_idx with a state, else
 * escalations_opened_at_id_idx; `reason` filters their rows.
 */
export async function listEscalations(
  db: Database,
  filter: { readonly state?: string | undefined; readonly reason?: string | undefined },
  after: EscalationPosition | null,
  limit: number,
): Promise<Escalation[]> {
  const conditions = [
    filter.state === undefined ? null : Prisma.sql`state = ${filter.state}`,
    filter.reason === undefined ? null : Prisma.sql`reason = ${filter.reason}`,
    after && Prisma.sql`(opened_at, id) < (${after.openedAt}::timestamptz, ${after.id}::text)`,
  ].filter((condition) => condition !== null)
  const where = conditions.length === 0 ? Prisma.empty : Prisma.sql`WHERE ${Prisma.join(conditions, ' AND ')}`
  return db.$queryRaw<Escalation[]>`
    SELECT id, provider, email_id AS "emailId", reason, state, detail, opened_at AS "openedAt",
           acknowledged_at AS "acknowledgedAt", acknowledged_by AS "acknowledgedBy", snoozed_until AS "snoozedUntil",
           resolved_at AS "resolvedAt", resolved_by AS "resolvedBy", notices, next_notice_at AS "nextNoticeAt", version
    FROM escalations ${where} ORDER BY opened_at DESC, id DESC LIMIT ${limit}`
}

/** One escalation, or null. Index: escalations_pkey. */
export const findEscalation = (db: Database, id: string): Promise<Escalation | null> =>
  db.escalation.findUnique({ where: { id } })

/** The number of unresolved escalations as an expression, see {@link cappedCount}. Index: escalations_unresolved. */
export const unresolvedEscalations = cappedCount(
  Prisma.sql`FROM escalations WHERE state <> 'resolved' ORDER BY opened_at`,
)

/** Index: escalations_unresolved. */
export async function countUnresolvedEscalations(db: Database): Promise<number> {
  const [row] = await db.$queryRaw<{ count: number }[]>`SELECT ${unresolvedEscalations} AS count`
  return row?.count ?? 0
}
