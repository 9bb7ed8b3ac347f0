import assert from 'node:assert/strict'
import { type IncidentOccurrence, incidentIn } from '../../src/domain/incident.ts'

/** The incident that a stored escalation is about. */
export function incidentOf(row: { readonly provider: string; readonly emailId: string }): IncidentOccurrence {
  return incidentIn(row) ?? assert.fail(`${row.emailId} is no incident`)
}
