/**
 * Something that is wrong with sending as a whole, rather than with one email: what support is called for is an
 * escalation all the same. An incident has a scope in place of an email, and an episode for each time that it begins.
 */
import type { EmailKey } from './events.ts'

export const incidentReasons = ['bounce_rate', 'complaint_rate', 'backlog', 'signature_failures', 'silence'] as const
export type IncidentReason = (typeof incidentReasons)[number]

/** What is wrong, and with what: `system`, `provider:<name>` or `tag:<tag>`. */
export interface Incident {
  readonly reason: IncidentReason
  readonly scope: string
}

/** In place of a provider's name, where an escalation is an incident's. No adapter has it. */
export const incidentProvider = 'aftersend'

/** Where an email's escalation has its email, an incident's has scope and episode: `tag:receipt@2026-01-01T00:00:00.000Z`. */
export const incidentKeyOf = (scope: string, episode: string): EmailKey => ({
  provider: incidentProvider,
  emailId: `${scope}@${episode}`,
})

/** The scope and episode of an escalation; null if it is about an email. */
export function incidentIn({ provider, emailId }: EmailKey): { scope: string; episode: string } | null {
  const at = emailId.lastIndexOf('@')
  return provider === incidentProvider ? { scope: emailId.slice(0, at), episode: emailId.slice(at + 1) } : null
}

const reasons: ReadonlySet<string> = new Set(incidentReasons)

export const isIncidentReason = (reason: string): reason is IncidentReason => reasons.has(reason)

/** Who resolves an incident that is over by itself. */
export const recovered = 'recovered'
