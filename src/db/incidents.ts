/** Statements that read the escalations of incidents. Their workflows alone write them. */
import type { IncidentReason } from '../domain/incident.ts'
import { incidentIn } from '../domain/incident.ts'
import type { Database } from './database.ts'

/** An incident's latest escalation. */
export interface StoredIncident {
  readonly reason: IncidentReason
  readonly scope: string
  readonly episode: string
  readonly isResolved: boolean
}

/** After this long a person's word that it is dealt with is not looked at any more. */
export const resolvedForMs = 7 * 86_400_000

/**
 * The latest escalation of every incident that is unresolved, or that a person resolved lately: whether the cause is gone
 * is not known of those. Index: escalations_of_incidents.
 */
export async function readIncidents(db: Database): Promise<StoredIncident[]> {
  const rows = await db.$queryRaw<{ reason: string; email_id: string; provider: string; state: string }[]>`
    SELECT reason, email_id, provider, state FROM escalations
    WHERE provider = 'aftersend'
      AND (state <> 'resolved' OR (resolved_by <> 'recovered' AND resolved_at > now() - ${resolvedForMs} * interval '1 ms'))
    ORDER BY opened_at DESC`
  const latest = new Map<string, StoredIncident>()
  for (const { reason, email_id: emailId, provider, state } of rows) {
    const incident = incidentIn({ provider, emailId })
    const name = JSON.stringify([reason, incident?.scope])
    if (incident === null || latest.has(name)) continue
    latest.set(name, { reason: reason as IncidentReason, ...incident, isResolved: state === 'resolved' })
  }
  return [...latest.values()]
}
