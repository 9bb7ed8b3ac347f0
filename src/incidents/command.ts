/** Commands on incidents of the system, executed by the API itself so that they work without Temporal. */
import type { Database } from '../db/database.ts'
import { readEscalations, writeEscalation } from '../db/escalations.ts'
import { commandEscalation, type Escalation, type EscalationCommand, refusalOf } from '../domain/escalation.ts'
import { type IncidentOccurrence, incidentKeyOf, type SystemReason } from '../domain/incident.ts'
import { CommandRefusedError } from '../temporal/email-workflows.ts'

/** Retries after conflicts with other writers. */
const attempts = 5

/**
 * Executes a command on the incident's escalation.
 * @throws CommandRefusedError if the escalation's state does not allow it.
 */
export async function commandSystemIncident(
  db: Database,
  incident: IncidentOccurrence,
  reason: SystemReason,
  command: EscalationCommand,
  now: number,
): Promise<Escalation> {
  const key = incidentKeyOf(incident.scope, incident.episode)
  for (let attempt = 1; ; attempt += 1) {
    const current = (await readEscalations(db, key)).find((escalation) => escalation.reason === reason)
    const refusal = refusalOf(current, command, now)
    if (refusal !== null || current === undefined) throw new CommandRefusedError(refusal ?? 'no such escalation')
    const commanded = commandEscalation(current, command, now)
    const { version, conflict } = await writeEscalation(db, key, commanded)
    if (conflict === null) return { ...commanded, version }
    if (attempt === attempts) throw new CommandRefusedError('the escalation was changed at the same time: try again')
  }
}
