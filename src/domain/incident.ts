/**
 * Incidents: escalations about sending as a whole rather than about one email. An incident has a scope in place of an email, and
 * an episode for each time that it starts.
 */
import type { EmailKey } from './events.ts'

/**
 * Incidents of the system itself, most often an outage of Temporal. The API raises and resolves them with PostgreSQL alone, since
 * workflows may not run. All other incidents are workflows.
 */
export const systemReasons = ['backlog', 'temporal_refused', 'workflow_tasks_failing'] as const
export type SystemReason = (typeof systemReasons)[number]

export const incidentReasons = [
  'bounce_rate',
  'complaint_rate',
  'signature_failures',
  'silence',
  'sender_refused',
  'endpoint_failing',
  'mailbox_unread',
  ...systemReasons,
] as const
export type IncidentReason = (typeof incidentReasons)[number]

export interface Incident {
  readonly reason: IncidentReason
  /** `system`, `provider:<name>`, `tag:<tag>`, `endpoint:<id>`, `mailbox:<name>`, or for `sender_refused` a reason and a mailbox provider: `authentication/gmail`. */
  readonly scope: string
}

/** One occurrence of an incident. */
export interface IncidentOccurrence {
  readonly scope: string
  /** Identifies the occurrence: the time of its start. */
  readonly episode: string
}

/** What an escalation is about. */
export type EscalationSubject = EmailKey | IncidentOccurrence

/** Replaces the provider's name in the stored escalation of an incident. No adapter has this name. */
export const incidentProvider = 'aftersend'

/**
 * The key under which an incident's escalations are stored, in the columns that hold an email's key, and in recorded inputs of activities:
 * `tag:receipt@2026-01-01T00:00:00.000Z`.
 */
export const incidentKeyOf = (scope: string, episode: string): EmailKey => ({
  provider: incidentProvider,
  emailId: `${scope}@${episode}`,
})

/** The incident of a stored escalation; null if it is about an email. */
export function incidentIn({ provider, emailId }: EmailKey): IncidentOccurrence | null {
  const at = emailId.lastIndexOf('@')
  return provider === incidentProvider ? { scope: emailId.slice(0, at), episode: emailId.slice(at + 1) } : null
}

/** The scope of incidents of the system itself. */
export const systemScope = 'system'

const reasons: ReadonlySet<string> = new Set(incidentReasons)
const ofSystem: ReadonlySet<string> = new Set(systemReasons)

export const isIncidentReason = (reason: string): reason is IncidentReason => reasons.has(reason)
export const isSystemReason = (reason: string): reason is SystemReason => ofSystem.has(reason)

/** `resolvedBy` of an incident that is over without an action by a person. */
export const recovered = 'recovered'
