import { isIncidentReason, isSystemReason } from '../domain/incident.ts'
import type { SupportNotice } from './channel.ts'

/** From the most to the least severe: the severities of PagerDuty's events. */
export type Severity = 'critical' | 'error' | 'warning' | 'info'

/** Of an email, by its priority. An incident of the system itself stops all emails, any other many of them. */
export function severityOf({ reason, priority }: SupportNotice): Severity {
  if (isSystemReason(reason)) return 'critical'
  if (isIncidentReason(reason)) return 'error'
  return ({ critical: 'critical', normal: 'warning', bulk: 'info' } as const)[priority]
}
