/** Statements on escalations: written by the email's workflow alone. */
import { createHash } from 'node:crypto'
import type { Escalation, EscalationReason, EscalationState } from '../domain/escalation.ts'
import type { EmailKey } from '../domain/events.ts'
import type { Database } from './database.ts'
import { epochMsOf } from './epoch-ms.ts'
import type { Escalation as EscalationRow } from './generated/client.ts'

/** The same for an email and reason for ever, so that opening twice is opening once. Holds no address. */
export function escalationIdOf({ provider, emailId }: EmailKey, reason: EscalationReason): string {
  const name = JSON.stringify([provider, emailId, reason])
  return `esc_${createHash('sha256').update(name).digest('hex').slice(0, 24)}`
}

const time = (epochMs: number | null): Date | null => (epochMs === null ? null : new Date(epochMs))

/** Stores an escalation as its workflow knows it. Index: escalations_pkey. */
export async function writeEscalation(db: Database, email: EmailKey, escalation: Escalation): Promise<string> {
  const id = escalationIdOf(email, escalation.reason)
  const changing = {
    state: escalation.state,
    detail: escalation.detail,
    acknowledgedAt: time(escalation.acknowledgedAt),
    acknowledgedBy: escalation.acknowledgedBy,
    snoozedUntil: time(escalation.snoozedUntil),
    resolvedAt: time(escalation.resolvedAt),
    resolvedBy: escalation.resolvedBy,
    notices: escalation.notices,
    nextNoticeAt: time(escalation.nextNoticeAt),
  }
  const fixed = {
    id,
    provider: email.provider,
    emailId: email.emailId,
    reason: escalation.reason,
    openedAt: new Date(escalation.openedAt),
  }
  await db.escalation.upsert({ where: { id }, create: { ...fixed, ...changing }, update: changing })
  return id
}

/** The email's escalations, as its workflow knows them. Index: escalations_email_id_provider_reason_key. */
export async function readEscalations(db: Database, { provider, emailId }: EmailKey): Promise<Escalation[]> {
  const rows = await db.escalation.findMany({ where: { provider, emailId } })
  return rows.map(escalationOf)
}

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
  }
}
