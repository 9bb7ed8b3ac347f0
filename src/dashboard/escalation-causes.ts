/** Groups escalations that have one cause, so that a person sees one alarm and not forty. */
import { type EscalatedEmail, readEscalatedEmails } from '../api/escalated-emails.ts'
import type { Database } from '../db/database.ts'
import type { Escalation } from '../db/generated/client.ts'
import { readMailboxProviders } from '../db/recipient-domains.ts'
import { domainOf, erasedAddress } from '../domain/address.ts'
import { incidentIn, isSystemReason } from '../domain/incident.ts'
import { mailboxProviderLabel, mailboxProviderOfDomain } from '../domain/mailbox-provider.ts'

/** An escalation with the email that it is about; null for an incident, or an email that is no longer stored. */
export interface EscalationWithEmail {
  readonly escalation: Escalation
  readonly email: EscalatedEmail | null
}

/** Escalations of one cause. */
export interface EscalationGroup {
  readonly key: string
  /** At least one, in the given order. */
  readonly members: readonly EscalationWithEmail[]
  /** Who receives the emails: `Gmail`, or a domain. Null if they go to several, or to nobody known. */
  readonly receiver: string | null
}

/** Reads what escalations are about, and groups them. */
export async function readGroups(db: Database, escalations: readonly Escalation[]): Promise<EscalationGroup[]> {
  const emails = await readEscalatedEmails(db, escalations)
  const withEmails = escalations.map((escalation) => ({ escalation, email: emails.get(escalation.id) ?? null }))
  return groupByCause(withEmails, await readMailboxProviders(db, domainsOf(withEmails)))
}

/**
 * Groups unresolved escalations. Incidents of the system itself have one cause, such as an outage of Temporal. Those of emails have one
 * cause if their reason, the reason of the failure and the mailbox provider are the same; an incident of refusals has the cause of the
 * critical emails that were refused. Each group is at the place of its first member.
 * @param mailboxProviders by domain, of domains that are not a mailbox provider's own.
 */
export function groupByCause(
  escalations: readonly EscalationWithEmail[],
  mailboxProviders: ReadonlyMap<string, string>,
): EscalationGroup[] {
  const groups = new Map<string, EscalationGroup>()
  for (const member of escalations) {
    const receiver = receiverOf(member.email, mailboxProviders)
    const key = causeOf(member, receiver)
    const known = groups.get(key)
    // An incident says more than the emails that are part of it.
    const isFirst = member.email === null && known?.members[0]?.email !== null
    const members = isFirst ? [member, ...(known?.members ?? [])] : [...(known?.members ?? []), member]
    groups.set(key, { key, members, receiver: receiver?.name ?? known?.receiver ?? null })
  }
  return [...groups.values()]
}

function causeOf({ escalation, email }: EscalationWithEmail, receiver: Receiver | null): string {
  if (escalation.state === 'resolved') return escalation.id
  const incident = incidentIn(escalation)
  if (incident) return isSystemReason(escalation.reason) ? 'system' : `${escalation.reason} ${incident.scope}`
  if (email === null || receiver === null) return escalation.id
  const failure = email.recipients[0]?.failure ?? email.failure
  if (!failure) return `${escalation.reason} ${receiver.name}`
  // The incident of refusals has the same key: the emails are part of it.
  const isRefused = escalation.reason === 'critical_bounce'
  return `${isRefused ? 'sender_refused' : escalation.reason} ${failure.reason}/${receiver.key}`
}

/** The domains of the escalations' recipients. */
const domainsOf = (escalations: readonly EscalationWithEmail[]): string[] => [
  ...new Set(escalations.flatMap(({ email }) => addressesOf(email).map(domainOf))),
]

/** A mailbox provider with its name, or a domain with the same name. */
interface Receiver {
  readonly key: string
  readonly name: string
}

function receiverOf(email: EscalatedEmail | null, mailboxProviders: ReadonlyMap<string, string>): Receiver | null {
  const receivers = addressesOf(email).map((address): Receiver => {
    const domain = domainOf(address)
    const provider = mailboxProviderOfDomain(domain) ?? mailboxProviders.get(domain)
    return provider ? { key: provider, name: mailboxProviderLabel(provider) } : { key: domain, name: domain }
  })
  return new Set(receivers.map(({ key }) => key)).size === 1 ? (receivers[0] ?? null) : null
}

const addressesOf = (email: EscalatedEmail | null): string[] =>
  (email?.recipients ?? []).map(({ address }) => address).filter((address) => address !== erasedAddress)
