/** Statements that read the escalations of incidents. */
import type { IncidentReason } from '../domain/incident.ts'
import { incidentIn } from '../domain/incident.ts'
import type { Database } from './database.ts'
import { isNoticeMissing, noticeValidForMs } from './escalations.ts'
import { Prisma } from './generated/client.ts'

/** An incident's latest escalation. */
export interface StoredIncident {
  readonly reason: IncidentReason
  readonly scope: string
  readonly episode: string
  readonly isResolved: boolean
  /** Whether a notice is overdue that its workflow should have sent. */
  readonly isOverdue: boolean
}

interface IncidentRow {
  readonly reason: string
  readonly email_id: string
  readonly provider: string
  readonly state: string
  readonly is_overdue: boolean
}

/** A notice counts as overdue after this: it may still be in delivery before. */
const graceMs = 5 * 60_000

/** Incidents that a person resolved longer ago are not read any more. */
const resolvedForMs = 7 * 86_400_000

/**
 * The latest escalation of every incident that is unresolved or was resolved by a person recently: its cause may persist. Indexes:
 * escalations_of_incidents, notifications_pkey.
 * @param channels the names of the channels that notices are sent through.
 */
export async function readIncidents(db: Database, channels: readonly string[]): Promise<StoredIncident[]> {
  const late = Prisma.sql`now() - ${graceMs} * interval '1 ms'`
  const rows = await db.$queryRaw<IncidentRow[]>`
    SELECT reason, email_id, provider, state, state <> 'resolved' AND (coalesce(next_notice_at < ${late}, false)
      OR (coalesce(noticed_at < ${late} AND noticed_at > now() - ${noticeValidForMs} * interval '1 ms', false)
          AND EXISTS (SELECT FROM unnest(${[...channels]}::text[]) AS channels(channel) WHERE ${isNoticeMissing}))) AS is_overdue
    FROM escalations
    WHERE provider = 'aftersend'
      AND (state <> 'resolved' OR (resolved_by <> 'recovered' AND resolved_at > now() - ${resolvedForMs} * interval '1 ms'))
    ORDER BY opened_at DESC`
  const latest = new Map<string, StoredIncident>()
  for (const { reason, email_id: emailId, provider, state, is_overdue: isOverdue } of rows) {
    const incident = incidentIn({ provider, emailId })
    const name = JSON.stringify([reason, incident?.scope])
    if (incident === null || latest.has(name)) continue
    latest.set(name, { reason: reason as IncidentReason, ...incident, isResolved: state === 'resolved', isOverdue })
  }
  return [...latest.values()]
}
